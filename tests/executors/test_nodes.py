"""Nodes that die, leave and join while searches run: real raylets, fake GPUs, the bits of an undisturbed run."""

import pytest

from benchmarks import chaos

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def want():
    return chaos.reference()


def test_nodes_come_and_go(want, tmp_path):
    with chaos.cluster(workers=2) as scene:
        killed = chaos.strike(scene, chaos.Scene.kill_node, str(tmp_path / "kill"))
        assert (killed["hash"], killed["again"], killed["errors"]) == (want, 0, [])
        assert killed["restarts"] >= 1 and killed["retries"] >= 1
        joined = chaos.strike(scene, chaos.Scene.add, str(tmp_path / "join"))
        assert (joined["hash"], joined["again"], joined["errors"]) == (want, 0, [])
        drained = chaos.strike(scene, chaos.Scene.drain_node, str(tmp_path / "drain"))
        assert (drained["hash"], drained["again"], drained["errors"]) == (want, 0, [])
        assert drained["restarts"] >= 1
