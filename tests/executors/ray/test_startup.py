"""How replicas get from a place to a loaded model."""

from raysearch.config.settings import ClusterConfig
from raysearch.executors.ray.actors import Place
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.startup import Startup
from raysearch.executors.spans import Trace


def placed(*unseen: bool) -> Replica:
    replica, startup = Replica(0, phase="placing"), Startup("cluster.generators", ClusterConfig(), Trace())
    places = [Place(f"node-{k}", 1, "tcp://10.0.0.7:1", False, each) for k, each in enumerate(unseen)]
    startup._phase_ended(replica, places)
    return replica


def test_a_replica_knows_its_nodes_and_whether_they_see_the_run_folder():
    assert placed(False).phase == "placed" and not placed(False).apart
    assert placed(False, True).apart and placed(False, True).nodes == ("node-0", "node-1")
