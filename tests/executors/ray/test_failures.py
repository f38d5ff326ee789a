"""Every kind of failure, from errors that Ray itself raised: real processes that die, are removed, or lose objects."""

import os
import time

import pytest
import ray
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from raysearch.executors.ray.failures import CriticLost, Kind, classify, missing, reason

pytestmark = pytest.mark.cluster


class Actor:
    def answer(self):
        return 1

    def own(self):
        return [ray.put(bytes(10**6)), ray.put(bytes(10**6))]

    def die(self):
        os._exit(1)

    def wait(self):
        time.sleep(60)


def fail(error):
    raise error


@pytest.fixture(scope="module")
def actor_class(local_ray):
    return ray.remote(Actor).options(num_cpus=0.1)


@pytest.fixture(scope="module")
def function(local_ray):
    return ray.remote(fail).options(num_cpus=0.1, max_retries=0)


def error_of(ref, timeout=60) -> RayError:
    with pytest.raises(RayError) as caught:
        ray.get(ref, timeout=timeout)
    return caught.value


@pytest.mark.parametrize(
    "error, kind",
    [
        (ValueError("no such guide"), Kind.CALL_FAILED),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), Kind.DEVICE_BROKEN),
        (CriticLost("the reward replica that the guide asked"), Kind.CRITIC_LOST),
        (TimeoutError("of the function itself"), Kind.CALL_FAILED),  # not to be taken for a GetTimeoutError
    ],
)
def test_exceptions_of_the_function(function, error, kind):
    caught = error_of(function.remote(error))
    assert classify(caught) is kind
    assert reason(caught) == f"{type(error).__name__}: {error}"


def test_a_process_that_dies(actor_class):
    assert classify(error_of(actor_class.remote().die.remote())) is Kind.DIED


def test_a_replica_whose_placement_group_is_removed(actor_class):
    group = ray.util.placement_group([{"CPU": 1}])
    strategy = PlacementGroupSchedulingStrategy(group)
    actor = ray.remote(Actor).options(num_cpus=0.1, scheduling_strategy=strategy).remote()
    ray.get(actor.answer.remote())
    ref = actor.wait.remote()
    ray.util.remove_placement_group(group)
    assert classify(error_of(ref)) is Kind.REMOVED


def test_objects_that_are_lost_with_their_owner(actor_class, function):
    actor = actor_class.remote()
    result, argument = ray.get(actor.own.remote())
    ray.kill(actor)
    error_of(actor.answer.remote())  # it is dead now
    deadline, lost = time.monotonic() + 120, None
    while lost is None and time.monotonic() < deadline:  # until its node has noticed
        try:
            ray.get(result, timeout=10)
            time.sleep(0.1)
        except GetTimeoutError:
            pass
        except RayError as error:
            lost = error
    assert lost is not None and classify(lost) is Kind.RESULT_LOST
    assert classify(error_of(function.remote(argument))) is Kind.ARGUMENT_LOST


def test_everything_else(actor_class):
    assert classify(OutOfMemoryError("the node has no memory left")) is Kind.OUT_OF_MEMORY
    actor = actor_class.remote()
    late = error_of(actor.wait.remote(), timeout=0.1)
    waiting = actor.answer.remote()
    ray.cancel(waiting)
    ray.kill(actor)
    assert classify(late) is Kind.OTHER
    assert classify(error_of(waiting)) in (Kind.OTHER, Kind.DIED)  # cancelled, or ended with its actor
    assert classify(KeyError("not of Ray at all")) is Kind.OTHER


class Unmade:
    """Cannot be unpickled where `nowhere_to_be_found` cannot be imported."""

    def __reduce__(self):
        return __import__, ("nowhere_to_be_found",)


def test_a_module_that_a_node_lacks_is_told_by_its_name(local_ray, actor_class):
    class Lacking(Actor):
        needs = Unmade()

    error = error_of(ray.remote(Lacking).options(num_cpus=0.1).remote().answer.remote())
    assert classify(error) is Kind.DIED and missing(error) == "nowhere_to_be_found"
    actor = actor_class.remote()
    assert missing(error_of(actor.die.remote())) is None
