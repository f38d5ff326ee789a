"""How replicas get from a place to a loaded model."""

import pytest

from raysearch.config.settings import ClusterConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.actors import Place
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.startup import Startup


def placed(store_unseen, storage=None):
    replica, startup = Replica(0, phase="placing"), Startup("cluster.generators", ClusterConfig(storage=storage))
    startup._phase_ended(replica, [Place("node-7", 1, "tcp://10.0.0.7:1", False, store_unseen)])
    return replica


def test_a_node_that_does_not_see_the_run_folder_ends_the_run_before_a_model_is_loaded():
    assert placed(False).phase == "placed"
    with pytest.raises(UsageError, match=r"cluster\.storage=None: node node-7 .* does not see the run folder"):
        placed(True)
