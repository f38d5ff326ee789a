"""Nodes that answer, never did, or do so no more: real sockets, and a clock that the test moves."""

import socket

import pytest

from raysearch.executors.ray import reach
from raysearch.executors.ray.reach import Reach, connecting


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def node(name: str, port: int, alive: bool = True) -> dict:
    return {"NodeID": name, "NodeManagerAddress": "127.0.0.1", "NodeManagerPort": port, "Alive": alive}


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


def test_only_those_that_accept_a_connection_answer(listener):
    here = listener.getsockname()
    assert connecting({"a": here, "b": ("127.0.0.1", closed_port())}, 1.0) == {"a"}
    assert connecting({}, 1.0) == set()


def test_a_node_is_silent_once_it_has_answered_and_does_so_no_more(listener, monkeypatch):
    now, looking = [100.0], Reach()
    monkeypatch.setattr(reach.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(looking, "_thread", type("Begun", (), {"ident": 1})())
    port = listener.getsockname()[1]
    looking.watch([node("a", port), node("never", closed_port()), node("dead", port, alive=False)])
    looking.look()
    assert set(looking._heard) == {"a"} and not looking.silent
    listener.close()
    looking.look()
    assert not looking.silent, "one lost connection is not silence"
    now[0] += reach.SILENT_S + 1
    looking.look()
    assert looking.silent == {"a"}, "a node that never answered may be behind a firewall"
    with socket.create_server(("127.0.0.1", port)):
        looking.look()
        assert not looking.silent
    looking.watch([])
    now[0] += 100
    looking.look()
    assert not looking.silent, "Ray has declared it dead"
