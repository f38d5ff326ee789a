"""The folder to submit."""

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from raysearch.config.settings import PoolConfig
from raysearch.evals.physics_iq import layout, scorer, table
from raysearch.evals.physics_iq.challenge import candidates, conditioning, settings, submission
from raysearch.evals.preference.items import read_pairs
from raysearch.runs import resolve
from tests.evals.physics_iq.challenge import kit
from tests.evals.physics_iq.challenge.case import job

SECONDS = 1.5  # of a clip of the stand-in


def test_what_it_leaves_behind(whole):
    folder, found = whole
    systems = found["systems"]
    assert list(systems) == ["base", "best_of_n", "halving"] and found["views"] == 6 and not found["partial"]
    assert all(0 < s["score"]["mean"] < 100 and s["score"]["std"] is not None for s in systems.values())
    for name in ("best_of_n", "halving"):
        card = yaml.safe_load((folder / "submission" / name / "submission.yaml").read_text())
        info, scores = card["public_info"], card["reported_scores"]
        assert info["bon_sampling"] == 3 if name == "best_of_n" else info["bon_sampling"] >= 1
        assert name in info["bon_sampling_method"] and info["input_type"] == "v2v"
        assert info["bon_sampling_source"] == "https://arxiv.org/abs/2601.10553"
        assert scores["physiq_mean"] == round(systems[name]["score"]["mean"], 2)
        assert scores["physiq_std"] == round(systems[name]["score"]["std"], 2)
        assert info["resolution"] == "256x256" and "nearest" in info["comments"]
    pairs = read_pairs(folder / "pairs.jsonl")
    assert all(Path(p.video_a).read_bytes() != Path(p.video_b).read_bytes() for p in pairs)
    assert 1 <= len(pairs) <= 6 and {p.a for p in pairs} == {"base"} and {p.b for p in pairs} == {found["best"]}
    text = (folder / "challenge.html").read_text()
    assert "stand-in" in text and "<svg" in text and "halving" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert links and all((folder / link).exists() for link in links if not link.startswith("#"))
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r'id="([^"]+)"', text))
    assert "videos" in re.findall(r'id="([^"]+)"', text) and text.count("<video") == 4 * 6


def test_the_validators_rules_accept_the_folder(whole, tmp_path):
    folder, _ = whole
    mine = tmp_path / "best_of_n"
    shutil.copytree(folder / "submission/best_of_n", mine)
    assert kit.errors(mine, views=6, seconds=SECONDS) == []
    assert any("6 videos, 198 are expected" in e for e in kit.errors(mine))
    first = next((mine / "runs").glob("*/0001_*"))
    first.rename(first.with_name("0001_other.mp4"))
    assert [e.rpartition(": ")[2] for e in kit.errors(mine, views=6, seconds=SECONDS)] == ["described"]


def test_the_folder_to_submit_scores_what_the_card_says(whole):
    """The ordinary scorer, on the exported files alone, must come to the table that the challenge wrote."""
    folder, _ = whole
    data = layout.read(folder / "data/physics-IQ-benchmark", 8)
    for number in (1, 2):
        name = f"best_of_n-op-run_{number:02d}"
        model = scorer.folder(folder / "submission/best_of_n/runs" / name, data)
        assert [p.name for p in model.clips.values()] == [v.name for v in data.views]
        assert scorer.run(data, [model], folder / "cache")[0] == table.read_csv(folder / "results" / f"{name}.csv")


@pytest.mark.parametrize(
    ("generators", "rewards", "gpus"),
    [
        (PoolConfig(8, num_gpus=0.9), PoolConfig(8, num_gpus=0.1), 8),
        (PoolConfig(2, num_gpus=1, ranks=4), PoolConfig(4, num_gpus=0.25), 9),
        (PoolConfig(7, num_gpus=1), PoolConfig(1, num_gpus=1), 8),
        (PoolConfig(2), PoolConfig(1), 0),
    ],
)
def test_the_card_counts_the_gpus_of_ranks_and_of_rewards(whole, generators, rewards, gpus):
    folder, found = whole
    of = job(folder, "challenge.runs=2", "challenge.card.generation_gpu=null")
    of.cluster.generators, of.cluster.rewards = generators, rewards
    options = settings.read(of)
    (entry, *_) = settings.entries(of, options, [])
    pools = {(entry.name, 1): _pools(folder)}
    facts = submission._facts(options, layout.read(folder / "data/physics-IQ-benchmark", 8), [entry], pools,
                              next(iter(pools[entry.name, 1][0].clips.values())), found)  # fmt: skip
    assert facts["generation_ngpu"] == gpus and (facts["generation_gpu"] is None) == (gpus > 0)
    cost = found["costs"]["best_of_n/run_01"]
    busy = generators.ranks * cost["generate_s"] + cost["reward_s"]
    assert facts["generation_time"] == pytest.approx(busy / 18, abs=0.01)  # of a single candidate, of 6 x 3


def _pools(folder):
    of = job(folder, "challenge.runs=2")
    options, data = settings.read(of), layout.read(folder / "data/physics-IQ-benchmark", 8)
    entry = settings.entries(of, options, conditioning.items(of, options, data.views))[0]
    resolved = resolve(replace(entry.job, baseline=False))
    return candidates.collect(entry, resolved, data, options, of, lambda done, of: None)


def test_the_schema_sees_what_the_validator_would(whole):
    folder, _ = whole
    card = yaml.safe_load((folder / "submission/best_of_n/submission.yaml").read_text())
    assert kit.card_errors(card) == []
    for block, key, wrong in (
        ("public_info", "organization", ""), ("public_info", "generation_time", None),
        ("terms", "terms_accepted", None),
        ("public_info", "prompt_upsampling", "none"), ("reported_scores", "mse_std", None),
        ("warranties", "metadata_accurate", False), ("terms", "terms_version", "0.9"),
    ):  # fmt: skip
        spoilt = copy.deepcopy(card)
        spoilt[block][key] = wrong
        assert len(kit.card_errors(spoilt)) == 1, (block, key)
    api = copy.deepcopy(card)
    api["public_info"] |= {"availability": "api", "generation_gpu": None, "generation_time": None}
    assert kit.card_errors(api) == []
    api["public_info"]["prompt_upsampling"] = True
    assert len(kit.card_errors(api)) == 1  # upsample_cost
