"""Whether a cluster has room, and whether its GPUs would stand idle."""

import pytest

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors.ray.fit import idle_gpus, missing, room


def nodes(*resources):
    return [{"Alive": True, "Resources": r, "Labels": {}} for r in resources]


def test_gpus_that_no_generator_asks_for_are_told():
    told = idle_gpus(ClusterConfig(), nodes({"CPU": 8, "GPU": 4}, {"CPU": 8, "GPU": 4}))
    assert told and "the cluster has 8 GPUs" in told and "cluster.generators.num_gpus=1" in told
    assert idle_gpus(ClusterConfig(), nodes({"CPU": 8})) is None
    assert idle_gpus(ClusterConfig(generators=PoolConfig(num_gpus=0.9)), nodes({"CPU": 8, "GPU": 1})) is None
    gone = [{"Alive": False, "Resources": {"GPU": 8}}]
    assert idle_gpus(ClusterConfig(), gone) is None


@pytest.mark.parametrize(("gpus", "fits"), [(0, False), (1, True), (8, True)])
def test_paired_fractions_fit_every_machine_with_a_gpu(gpus, fits):
    """clusters/gpu-node: .9 and .1 of each GPU, as many pairs as there are GPUs."""
    pair = ClusterConfig(
        placement="paired",
        generators=PoolConfig(8, 4, num_gpus=0.9, at_least=1),
        rewards=PoolConfig(8, 1, num_gpus=0.1, at_least=1),
    )
    assert (missing(pair, nodes({"CPU": 64, "GPU": gpus})) is None) == fits


def node(name: str, cpus: float, **labels: str) -> dict:
    return {"NodeID": name, "Alive": True, "Resources": {"CPU": cpus}, "Labels": labels}


def test_there_is_room_where_no_placed_replica_stands():
    """What Ray calls available does not tell a replica that starts slowly from a cluster that is full."""
    there, one = [node("a", 2.0), node("b", 1.0)], {"CPU": 1.0}
    assert room(PoolConfig(), [("a", one), ("a", one)], there)
    assert not room(PoolConfig(), [("a", one), ("a", one), ("b", one)], there)
    assert room(PoolConfig(), [("a", one), ("a", one), ("gone", one)], there)
    assert not room(PoolConfig(labels={"zone": "x"}), [], there)
    assert room(PoolConfig(labels={"zone": "x"}), [], [*there, node("c", 1.0, zone="x")])
    assert not room(PoolConfig(), [], [dict(there[0], Alive=False)])


def test_ranks_need_one_node_unless_they_may_be_on_several():
    there = [node("a", 1.0), node("b", 2.0)]
    together = PoolConfig(1, 1.0, ranks=3)
    apart = PoolConfig(1, 1.0, ranks=3, across_nodes=True)
    assert not room(together, [], there) and room(apart, [], there)
    none = PoolConfig(1, 0.0)
    assert "room for 0 of 1 replicas" in (missing(ClusterConfig(generators=together, rewards=none), there) or "")
    assert missing(ClusterConfig(generators=apart, rewards=none), there) is None
