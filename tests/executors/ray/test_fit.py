"""Whether a cluster has room, and whether its GPUs would stand idle."""

import pytest

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors.ray.fit import idle_gpus, missing


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
