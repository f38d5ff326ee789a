"""States on nodes that do not see the driver's folder: which nodes those are, and what they are told to delete."""

from types import SimpleNamespace

from raysearch.executors.ray.apart import Apart
from raysearch.executors.ray.replica import Replica


def replica(node: str, apart: bool, told: list, phase="ready") -> Replica:
    drop = SimpleNamespace(remote=lambda keys: told.append((node, keys)))
    actors = SimpleNamespace(leader=SimpleNamespace(drop=drop))
    return Replica(0, actors=actors, phase=phase, node=node, nodes=(node,), apart=apart)


def test_only_nodes_with_states_of_their_own_are_told_once_they_can_be(capsys):
    told: list = []
    apart, here, far = Apart("/run/latents"), replica("a", False, told), replica("b", True, told)
    apart.look([here, far])
    assert apart.nodes == {"b"} and "not all nodes see /run/latents" in capsys.readouterr().err
    apart.drop(["x", "y"])
    far.silent = True
    apart.look([here, far])
    assert told == []
    far.silent = False
    apart.drop(["z"])
    apart.look([here, far])
    apart.look([here, far])
    assert told == [("b", ["x", "y", "z"])]
