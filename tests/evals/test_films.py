"""A film of a run that is scored again: the recorded reward beside the new one, and why they differ."""

import json

from raysearch.evals import films


def row(tmp_path, name, reward, recorded=None):
    if recorded is not None:
        (tmp_path / f"{name}.json").write_text(json.dumps({"measured": {"vjepa2": recorded, "motion": 3.0}}))
    return {"video": str(tmp_path / f"{name}.mp4"), "reward": reward}


def test_what_the_run_recorded_stands_beside_and_is_explained(tmp_path):
    table = [row(tmp_path, "a", 0.35, 0.36), row(tmp_path, "b", 0.2)]
    films.compare(table, {"name": "vjepa2"})
    assert table[0]["in_run"] == 0.36 and "in_run" not in table[1]
    assert "at most 0.0100 away: a film is compressed" in films.difference(table)
    assert films.difference(table[:1]).startswith("the run recorded 0.3600, ")


def test_the_reward_of_another_name_is_not_compared(tmp_path):
    table = [row(tmp_path, "a", 0.35, 0.36)]
    films.compare(table, {"name": "flicker"})
    assert "in_run" not in table[0] and not films.difference(table)


def test_equal_rewards_and_damaged_files_need_no_word(tmp_path):
    table = [row(tmp_path, "a", 0.36, 0.36)]
    films.compare(table, {"name": "vjepa2"})
    assert not films.difference(table)
    (tmp_path / "a.json").write_text("[1")
    table = [row(tmp_path, "a", 0.3)]
    films.compare(table, {"name": "vjepa2"})
    assert "in_run" not in table[0]
