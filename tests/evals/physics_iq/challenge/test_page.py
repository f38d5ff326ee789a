"""What the page of a challenge claims; the browser tests look at all of it."""

from raysearch.evals.physics_iq.challenge import page


def found(scenarios, interval):
    """As much of challenge.json as the headline needs: the best of two systems gains 5 points."""
    by = {f"{k}.mp4": 50.0 for k in range(scenarios)}
    run = {"interval": {"verified": [52.0, 58.0]}, "by_scenario": by}
    systems = {
        "base": {"run_01": run, "score": {"mean": 50.0, "std": None}},
        "halving": {"run_01": run, "score": {"mean": 55.0, "std": None}, "gain": {"mean": 5.0, "interval": interval}},
    }
    return {"systems": systems, "best": "halving", "data": "Physics-IQ", "stand_in": False, "track": "v2v",
            "partial": False}  # fmt: skip


def test_the_headline_claims_no_more_than_its_interval_and_its_scenarios():
    clear = (
        "Physics-IQ, V2V: halving reaches 55.0 % Verified score [52.0, 58.0], +5.0 [+2.0, +8.0] points against one draw"
    )
    assert page.headline(found(8, [2.0, 8.0])) == clear
    assert page.headline(found(8, [-1.0, 8.0])).endswith("against one draw; no clear difference")
    assert page.headline(found(2, [2.0, 8.0])) == f"{clear}; too few scenarios to tell"
    assert page._notices(found(2, [2.0, 8.0])) == ["2 scenarios only: below 5, intervals over scenarios mean little."]
    assert page._notices(found(5, [2.0, 8.0])) == []
