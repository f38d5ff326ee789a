"""The reporting protocol."""

import re

import pytest
import yaml

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import protocol
from tests.evals.physics_iq import case
from tests.evals.physics_iq.challenge import kit


def test_four_runs_have_a_mean_and_a_sample_deviation(official):
    found = protocol.over_runs([official["freeze"], official["half"]])
    a, b = case.OFFICIAL["freeze"][1], case.OFFICIAL["half"][1]
    assert found["score"]["mean"] == pytest.approx((a + b) / 2)
    assert found["score"]["std"] == pytest.approx(abs(a - b) / 2**0.5)
    with pytest.raises(UsageError, match="5 runs"):
        protocol.over_runs([official["half"]] * 5)


FACTS = {
    "organization": "Lab", "model": "wan", "model_version": "a/wan@1", "input_type": "i2v", "fps": 16,
    "resolution": "832x480", "bon_sampling": 16, "prompt_upsampling": False, "descriptions": "bpp",
    "model_source": "https://example.org", "date": "2026-11-26", "generation_cost": float("nan"),
    "generation_ngpu": 8, "generation_time": 361.5,
}  # fmt: skip
REPORTED = {k: {"mean": 1.234, "std": None} for k in protocol.SCORES.values()}
SIGNED = {
    "availability": "public", "generation_gpu": "H100",
    "terms": {"terms_accepted": True, "accepted_on_behalf_of": "Lab", "accepted_at": "2026-11-26T10:00:00Z"},
    "warranties": dict.fromkeys(protocol.WARRANTIES, True),
}  # fmt: skip


def test_a_card_lacks_what_only_people_can_say():
    made = protocol.card(FACTS, {}, REPORTED)
    left = protocol.lacking(made)
    assert {entry.split(".")[0] for entry in left} == {"public_info", "terms", "warranties"} and len(left) == 10
    assert "public_info.generation_gpu" in left and "terms.terms_version" not in left
    assert made["reported_scores"]["physiq_mean"] == 1.23 and made["reported_scores"]["physiq_std"] != "None"
    assert protocol.lacking(protocol.card(FACTS, SIGNED, REPORTED)) == []


@pytest.mark.parametrize(
    "given",
    [
        {},
        SIGNED,
        SIGNED | {"prompt_upsampling": True},
        SIGNED | {"availability": "api"},
        SIGNED | {"terms": {"terms_accepted": False}},
        SIGNED | {"model_source": ""},
    ],
)
def test_what_is_lacking_is_what_the_validator_misses(given):
    made = protocol.card(FACTS, given, REPORTED)
    theirs = kit.card_errors(yaml.safe_load(yaml.safe_dump(made)))
    assert set(protocol.lacking(made)) == {error.partition(": ")[0] for error in theirs}


@pytest.mark.parametrize(("given", "message"), [
    ({"org": "my-lab"}, "challenge.card.org='my-lab': the leaderboard takes small letters and digits"),
    ({"id": "Wan 2"}, "challenge.card.id='Wan 2'"), ({"date": "26.11.2026"}, "challenge.card.date"),
    ({"generation_gpus": 8}, "did you mean 'generation_gpu'"), ({"availability": "open"}, "availability"),
    ({"prompt_upsampling": "none"}, "give true or false"),
    ({"terms": "1.0"}, "challenge.card.terms='1.0': give a mapping"),
    ({"warranties": {"all": True}}, "challenge.card.warranties: key 'all'"),
])  # fmt: skip
def test_what_a_job_says_for_the_card_is_checked_before_anything_is_generated(given, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        protocol.check(given)


def test_the_id_of_a_submission_is_the_official_one():
    given = {"org": "lab2", "id": "wan-2.1-bon", "date": "2026-11-26"}
    protocol.check(given)
    assert re.match(kit.RUN_ID, protocol.run_id(given))
