"""A forecast in words."""

from raysearch import config
from raysearch.evals.physics_iq.challenge import estimate
from raysearch.evals.physics_iq.challenge.forecast import Asked, forecast
from raysearch.runs.plan import Pace
from tests.evals.physics_iq.challenge.case import job


def test_the_stand_in_needs_no_data_and_tells_what_it_does_not_know(tmp_path):
    found = forecast(job(tmp_path / "run"), Asked())
    told = "\n".join(estimate.lines(found))
    assert "the stand-in, V2V: 6 views of 1.5 s, 8 frames per second" in told and "published" not in told
    assert "frames: 17 made, 5 of conditioning + 12 that are scored = 17 needed" in told
    assert "best_of_n, run 1: 6 prompts, 18 moves" in told and "give --seconds-per-nfe" in told
    assert estimate.values(found)["disk"]["cache of real clips"] == 0 and not (tmp_path / "run").exists()


def test_a_network_that_is_not_known_is_counted_and_its_seconds_asked_for():
    words = ["generator.model=me/mine", "challenge.runs=1"]
    other = config.load("jobs/physics_iq_v2v.yaml", words, elsewhere=True)
    told = estimate.lines(forecast(other, Asked()))
    assert told[-1].startswith("in all 95040 network evaluations; those of me/mine take a time that cannot be computed")
    given = estimate.lines(forecast(other, Asked(pace=Pace(10.0, 0.0, 0.0))))
    assert any("= 264.0 GPU-hours" in line for line in given) and not any("GPU memory" in line for line in given)
    assert estimate.values(forecast(other, Asked()))["gpu_hours"] is None
