"""Where prompts of the benchmark are found, as its repository lays them out."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import descriptions
from raysearch.evals.physics_iq.challenge import settings
from tests.evals.physics_iq.challenge.case import job

HEAD = "scenario,description,category,generated_video_name\n"


def test_original_and_best_practice_prompts_beside_the_data(tmp_path):
    data = tmp_path / "physics-IQ-benchmark-verified"
    (tmp_path / "descriptions/best_practice").mkdir(parents=True)
    data.mkdir()
    assert descriptions.official(data) is None and descriptions.official(data, "bpp") is None
    op, bpp = (
        tmp_path / "descriptions" / name
        for name in ("descriptions_original.csv", "best_practice/descriptions_base.csv")
    )
    op.write_text(HEAD)
    bpp.write_text(HEAD)
    assert descriptions.official(data) == op and descriptions.official(data, "bpp") == bpp
    (data / "descriptions.csv").write_text(HEAD)
    assert descriptions.official(data) == data / "descriptions.csv"  # as the older layout has it


@pytest.mark.parametrize("prompts", ["op", "bpp"])
def test_a_challenge_without_prompts_is_refused(tmp_path, prompts):
    (tmp_path / "data").mkdir()
    of = job(tmp_path / "run", f"challenge.data={tmp_path / 'data'}", f"challenge.prompts={prompts}")
    with pytest.raises(UsageError, match=f"prompts={prompts}: .* holds no descriptions/.*challenge.descriptions"):
        settings.texts(settings.read(of), tmp_path / "data")
    named = job(tmp_path / "run", "challenge.descriptions=mine.csv")
    assert settings.texts(settings.read(named), tmp_path).name == "mine.csv"
