"""How fast a replica is, by what it computes."""

import math

import pytest

from raysearch import config
from raysearch.errors import UsageError
from raysearch.generators.scale import scale
from raysearch.runs.judges import judges
from raysearch.runs.pace import GPUS, gpu, reward_bytes, speed
from raysearch.runs.plan import Pace

UNKNOWN = math.nan


@pytest.fixture(scope="module")
def job():
    return config.load("jobs/physics_iq_v2v.yaml", elsewhere=True)


@pytest.fixture(scope="module")
def known(job):
    return judges(job), scale(job.generator)


def test_seconds_are_flop_over_the_share_of_the_peak(job, known):
    found = speed(job, *known)
    assert found.pace.evaluation_s == pytest.approx(5.31e15 / (0.45 * 989e12), rel=0.005)
    assert found.pace.decode_s == pytest.approx(8.5e6 * 97 * 480 * 832 / (0.1 * 494e12))  # the card: in float32
    assert 0.3 < found.pace.score_s < 1 and "not counted: motion" in found.sources[2]
    assert speed(job, *known, name="a100").pace.evaluation_s == pytest.approx(found.pace.evaluation_s * 989 / 312)
    assert speed(job, *known, mfu=0.9).pace.evaluation_s == pytest.approx(found.pace.evaluation_s / 2)


def test_what_no_gpu_can_do_is_never_believed(job, known):
    with pytest.raises(UsageError, match=r"nfe 1\.5: an evaluation is 5\.31 PFLOP, that is 5\.4 s at the peak"):
        speed(job, *known, given=Pace(1.5, UNKNOWN, UNKNOWN))
    assert speed(job, *known, given=Pace(6.0, UNKNOWN, 4.0)).pace.score_s == 4.0
    assert speed(job, *known, "B200", given=Pace(2.5, UNKNOWN, UNKNOWN)).pace.evaluation_s == 2.5
    assert "measured by runs/a" in speed(job, *known, given=Pace(1.5, 1, 1), measured="runs/a").sources[0]


def test_ranks_share_an_evaluation(job, known):
    job = config.load("jobs/physics_iq_v2v.yaml", ["cluster.generators.ranks=4"], elsewhere=True)
    alone = speed(config.load("jobs/physics_iq_v2v.yaml", elsewhere=True), *known).pace
    assert speed(job, *known).pace.evaluation_s == pytest.approx(alone.evaluation_s / 4)


def test_single_precision_has_its_own_peak(job, known):
    wide = config.load(
        "jobs/physics_iq_v2v.yaml", ["generator.dtype={default: float32}", "reward.dtype=float32"], elsewhere=True
    )
    found = speed(wide, judges(wide), scale(wide.generator))
    assert found.pace.evaluation_s == pytest.approx(5.31e15 / (0.45 * 67e12), rel=0.005)
    half = config.load("jobs/physics_iq_v2v.yaml", ["generator.dtype=bfloat16"], elsewhere=True)
    decoded = speed(half, judges(half), scale(half.generator)).pace.decode_s
    assert decoded == pytest.approx(8.5e6 * 97 * 480 * 832 / (0.1 * 989e12))
    assert reward_bytes(judges(wide)) == 2 * reward_bytes(known[0])


def test_what_is_not_known_is_asked_for(job):
    other = config.load("jobs/physics_iq_v2v.yaml", ["generator.model=me/mine"], elsewhere=True)
    assert scale(other.generator) is None
    with pytest.raises(UsageError, match="give --from RUN"):
        speed(other, judges(other), None)
    assert speed(other, judges(other), None, given=Pace(1.5, UNKNOWN, UNKNOWN)).pace.evaluation_s == 1.5
    with pytest.raises(UsageError, match="did you mean 'H100'"):
        gpu("H101")
    assert gpu("h100") is GPUS["H100"]
