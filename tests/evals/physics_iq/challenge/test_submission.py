"""The folder to submit."""

import re
from pathlib import Path

import yaml

from raysearch.evals.physics_iq import layout, scorer, table
from raysearch.evals.preference.items import read_pairs


def test_what_it_leaves_behind(whole):
    folder, found = whole
    systems = found["systems"]
    assert list(systems) == ["base", "best_of_n", "halving"] and found["views"] == 6 and not found["partial"]
    assert all(0 < s["score"]["mean"] < 100 and s["score"]["std"] is not None for s in systems.values())
    for name in ("best_of_n", "halving"):
        root = folder / "submission" / name
        card = yaml.safe_load((root / "submission.yaml").read_text())
        assert card["bon_sampling"] == 3 if name == "best_of_n" else card["bon_sampling"] >= 1
        assert name in card["bon_sampling_method"] and card["input_type"] == "v2v" and card["runs"] == 2
        assert card["reported"]["score"]["mean"] == round(systems[name]["score"]["mean"], 2)
        assert card["resolution"] == "256x256" and "nearest" in card["upscaled"]
    pairs = read_pairs(folder / "pairs.jsonl")
    assert all(Path(p.video_a).read_bytes() != Path(p.video_b).read_bytes() for p in pairs)
    assert 1 <= len(pairs) <= 6 and {p.a for p in pairs} == {"base"} and {p.b for p in pairs} == {found["best"]}
    text = (folder / "challenge.html").read_text()
    assert "stand-in" in text and "<svg" in text and "halving" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert links and all((folder / link).is_file() for link in links)


def test_the_folder_to_submit_scores_what_the_card_says(whole):
    """The ordinary scorer, on the exported files alone, must come to the table that the challenge wrote."""
    folder, _ = whole
    data = layout.read(folder / "data/physics-IQ-benchmark", 8)
    for number in (1, 2):
        name = f"best_of_n-op-run_{number:02d}"
        model = scorer.folder(folder / "submission/best_of_n/runs" / name, data)
        assert [p.name for p in model.clips.values()] == [v.name for v in data.views]
        assert scorer.run(data, [model], folder / "cache")[0] == table.read_csv(folder / "results" / f"{name}.csv")
