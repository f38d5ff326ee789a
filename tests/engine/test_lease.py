"""One driver per folder: the second is told who holds it, a living holder keeps it, a dead one loses it."""

import json
import os
import subprocess
import sys
import time

import pytest

from raysearch import storage
from raysearch.engine import lease
from raysearch.engine.lease import NAME, Lease
from raysearch.errors import UsageError


@pytest.fixture(params=["local", "memory"])
def url(request, tmp_path):
    return str(tmp_path / "run") if request.param == "local" else f"memory://{tmp_path.name}/run"


@pytest.fixture
def quick(monkeypatch):
    for name, seconds in (("BEAT_S", 0.02), ("LOST_S", 0.6), ("SETTLE_S", 0.01)):
        monkeypatch.setattr(lease, name, seconds)


def elsewhere(url: str, **changed) -> dict:
    """A lease that a driver on another machine has left."""
    with Lease(url):
        held = json.loads(storage.read(f"{url}/{NAME}"))
    held |= {"token": "other", "host": "node7", "pid": 77, "machine": "another", **changed}
    storage.write(f"{url}/{NAME}", lease.sealed(held))
    return held


def test_the_second_is_told_who_holds_it_since_when(url):
    with (
        Lease(url),
        pytest.raises(UsageError, match=rf"run: process {os.getpid()} on .* since 20.*choose another run="),
    ):
        Lease(url).__enter__()
    with Lease(url):
        pass
    assert not storage.exists(f"{url}/{NAME}")


def test_a_folder_that_nothing_was_written_into_is_gone_again(tmp_path):
    with Lease(str(tmp_path / "run")):
        assert (tmp_path / "run").is_dir()
    assert not (tmp_path / "run").exists()


def test_a_process_that_was_killed_has_lost_it_at_once(tmp_path, monkeypatch):
    held = f"from raysearch.engine.lease import Lease; Lease({str(tmp_path)!r}).__enter__(); import os; os._exit(137)"
    assert subprocess.run([sys.executable, "-c", held]).returncode == 137
    assert (tmp_path / NAME).is_file()
    monkeypatch.setattr(Lease, "_renewed", lambda *args: pytest.fail("waited for a dead process"))
    with Lease(str(tmp_path)) as mine:
        mine.check()


def test_a_later_process_of_the_same_number_is_not_the_holder(tmp_path):
    elsewhere(str(tmp_path), machine=lease._machine(), pid=os.getpid(), began="1")
    with Lease(str(tmp_path)):
        pass


def test_a_holder_elsewhere_that_renews_keeps_it(url, quick):
    with Lease(url):
        storage.write(f"{url}/{NAME}", lease.sealed(json.loads(storage.read(f"{url}/{NAME}")) | {"machine": "another"}))
        with pytest.raises(UsageError, match="works in this folder since"):
            lease.Lease(url).__enter__()


def test_a_holder_elsewhere_without_a_sign_of_life_loses_it(url, quick, capsys):
    elsewhere(url)
    with Lease(url):
        assert json.loads(storage.read(f"{url}/{NAME}"))["pid"] == os.getpid()
    assert "process 77 on node7" in capsys.readouterr().out


def test_one_of_long_ago_is_not_waited_for(url, monkeypatch):
    elsewhere(url, at=time.time() - 2 * lease.OLD_S)
    with Lease(url):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": 3}', "[" * 9999])
def test_a_damaged_lease_is_none(url, content):
    storage.write(f"{url}/{NAME}", content)
    with Lease(url):
        pass


def test_one_with_a_changed_byte_is_not_waited_for(url):
    elsewhere(url)
    storage.write(f"{url}/{NAME}", storage.read(f"{url}/{NAME}").replace(b"node7", b"node8"))
    with Lease(url):
        pass


def test_a_holder_that_lost_it_is_told(url, quick):
    with Lease(url) as mine:
        storage.write(f"{url}/{NAME}", lease.sealed(json.loads(storage.read(f"{url}/{NAME}")) | {"token": "other"}))
        mine._thread.join(10)
        with pytest.raises(UsageError, match="has taken this folder over"):
            mine.check()
    assert storage.exists(f"{url}/{NAME}")  # that of the other


def test_of_many_at_once_one_gets_it(tmp_path):
    """Whoever gets it holds it until all the others have been refused, however late a busy machine starts them."""
    (tmp_path / "run").mkdir()
    for _ in range(8):
        if not os.fork():
            code = 1
            try:
                Lease(str(tmp_path / "run")).__enter__()
                code = 0
                while not (tmp_path / "done").exists():
                    time.sleep(0.01)
            except UsageError:
                code = 2
            finally:
                os._exit(code)
    refused = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(7)]
    (tmp_path / "done").touch()
    assert refused == [2] * 7 and os.waitstatus_to_exitcode(os.wait()[1]) == 0
