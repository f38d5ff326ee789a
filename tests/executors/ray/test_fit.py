"""Room for one more replica, by hand: what Ray calls available does not tell a slow start from a full cluster."""

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors.ray.fit import missing, room


def node(name: str, cpus: float, **labels: str) -> dict:
    return {"NodeID": name, "Alive": True, "Resources": {"CPU": cpus}, "Labels": labels}


def test_there_is_room_where_no_placed_replica_stands():
    nodes, one = [node("a", 2.0), node("b", 1.0)], {"CPU": 1.0}
    assert room(PoolConfig(), [("a", one), ("a", one)], nodes)
    assert not room(PoolConfig(), [("a", one), ("a", one), ("b", one)], nodes)
    assert room(PoolConfig(), [("a", one), ("a", one), ("gone", one)], nodes)
    assert not room(PoolConfig(labels={"zone": "x"}), [], nodes)
    assert room(PoolConfig(labels={"zone": "x"}), [], [*nodes, node("c", 1.0, zone="x")])
    assert not room(PoolConfig(), [], [dict(nodes[0], Alive=False)])


def test_ranks_need_one_node_unless_they_may_be_on_several():
    nodes = [node("a", 1.0), node("b", 2.0)]
    together = PoolConfig(1, 1.0, ranks=3)
    apart = PoolConfig(1, 1.0, ranks=3, across_nodes=True)
    assert not room(together, [], nodes) and room(apart, [], nodes)
    none = PoolConfig(1, 0.0)
    assert "room for 0 of 1 replicas" in (missing(ClusterConfig(generators=together, rewards=none), nodes) or "")
    assert missing(ClusterConfig(generators=apart, rewards=none), nodes) is None
