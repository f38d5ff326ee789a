"""The candidates of a challenge."""

import csv
import dataclasses
import shutil

import yaml

from raysearch.evals.physics_iq import layout
from raysearch.evals.physics_iq.challenge import candidates, settings, submission
from raysearch.moves import Outcome, Result
from raysearch.prompts import Prompt
from tests.evals.physics_iq.challenge import kit
from tests.evals.physics_iq.challenge.case import job
from tests.evals.physics_iq.challenge.test_submission import _pools


def test_the_text_of_a_winner_is_the_wording_that_made_it():
    prompt = Prompt("a", "a ball", variants=("a red ball", "a blue ball"))
    finals = tuple(Outcome(f"k{i}", float(i), {"r": float(i)}) for i in range(3))
    assert candidates.worded(prompt, Result(finals, 2)) == "a ball"
    noted = {"wordings": {"of": [0, 1, 2], "nfe": [1, 1, 1]}}
    assert candidates.worded(prompt, Result(finals, 2, notes=noted)) == "a blue ball"
    assert candidates.worded(prompt, Result(finals, 0, notes=noted)) == "a ball"


def test_wordings_that_were_searched_have_files_and_rows_of_their_run(whole, tmp_path):
    folder, found = whole
    of = job(folder, "challenge.runs=2")
    options, data = settings.read(of), layout.read(folder / "data/physics-IQ-benchmark", 8)
    todo = [e for e in settings.entries(of, options, []) if e.name == "best_of_n"]
    first = _pools(folder)
    second = [dataclasses.replace(pool, text=f"{pool.text} Static camera.") for pool in first]
    mine = dataclasses.replace(of, run=str(tmp_path))
    (line,) = submission.write(mine, options, data, todo, {("best_of_n", 1): first, ("best_of_n", 2): second}, found)
    made = tmp_path / "submission/best_of_n"
    card = yaml.safe_load((made / "submission.yaml").read_text())
    assert card["public_info"]["prompt_upsampling"] is True and "public_info.upsample_cost" in line
    rows = list(csv.DictReader((made / "descriptions.csv").open()))
    assert len(rows) == 12 and sum(row["description"].endswith("Static camera.") for row in rows) == 6
    left = kit.errors(made, views=6, seconds=1.5)
    assert left and all("upsample" in error for error in left)  # what only people know; every file is right
    shutil.rmtree(made)


def test_runs_share_what_a_writer_has_answered(tmp_path):
    of = job(tmp_path, "challenge.runs=2", "prompts.rewrite={with: 'http://127.0.0.1:1/v1', model: m, n: 2}")
    entries = settings.entries(of, settings.read(of), [])
    assert {entry.job.prompts.rewrite["answers"] for entry in entries} == {f"{tmp_path}/wordings"}
