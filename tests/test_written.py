"""What a person wrote is what is used, from files and from the command line to scripts, journals and reports."""

import json
from pathlib import Path

import pytest

from raysearch.cli import main
from tests.zoo import wan

ROOT = Path(__file__).parents[1]
CLOCKWORK = {
    "search": {"name": "best_of_n", "n": 1}, "reward": "motion", "watch": [], "films": "best",
    "generator": {"name": "examples.clockwork:load", "model": "clockwork", "steps": 8, "fps": 8},
    "cluster": {"executor": "inline"},
}  # fmt: skip


def job(tmp_path, **more):
    file = tmp_path / "job.yaml"
    file.write_text(json.dumps({"run": str(tmp_path / "run"), **CLOCKWORK, **more}))
    return str(file)


def refused(capsys, words):
    """The one line with which a command ends."""
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("word", [(), ("cluster.slurm.time=12:30:00",)], ids=["file", "command line"])
def test_a_time_without_quotes_reaches_slurm_as_it_is(tmp_path, capsys, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    limit = "01:00:00" if word else "12:30:00"
    (tmp_path / "run.yaml").write_text(f"slurm:\n  partition: gpu\n  time: {limit}\n  nodes: 1\n  cpus_per_node: 4\n")
    (tmp_path / "script.sbatch").write_text((ROOT / "clusters/slurm/script.sbatch").read_text())
    words = ["slurm", "run", job(tmp_path, prompts={"items": ["a ball"]}), *word]
    assert main([*words, "--cluster", str(tmp_path / "run.yaml"), "--dry-run"]) == 0
    assert "#SBATCH --time=12:30:00" in capsys.readouterr().out.splitlines()


def test_aliases_that_multiply_end_at_once(tmp_path, capsys):
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for low, high in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{high}: &{high} [{','.join([f'*{low}'] * 9)}]")
    (tmp_path / "job.yaml").write_text("\n".join(lines))
    assert "aliases counted as often as they are used" in refused(capsys, ["config", str(tmp_path / "job.yaml")])


def test_braces_in_a_prompt_are_characters_and_reach_no_secret(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", secret := "hf_" + "a1B2" * 8)
    texts = ["a sign that reads ${5} off", "${oc.env:HF_TOKEN}"]
    items = [{"id": str(i), "text": text} for i, text in enumerate(texts)]
    assert main(["run", job(tmp_path, prompts={"items": items})]) == 0
    out = capsys.readouterr()
    written = [file for file in (tmp_path / "run").rglob("*") if file.is_file()]
    assert secret not in out.out + out.err
    assert not [file for file in written if secret.encode() in file.read_bytes() or secret in file.name]
    for name in ("config.yaml", "result.json"):
        assert all(text in (tmp_path / "run" / name).read_text() for text in texts)


@pytest.mark.parametrize(
    ("challenge", "lost"), [({"data": "tiny", "scenarios": 1}, 5), ({"data": "tiny", "condition_frames": 6}, 5)]
)
@pytest.mark.parametrize("dry", [True, False])
def test_a_challenge_that_would_be_too_short_generates_nothing(tmp_path, capsys, challenge, lost, dry):
    words = {"generator": {"model": "tiny", "num_frames": 16}, "prompts": {}, "challenge": challenge}
    line = refused(capsys, ["challenge", job(tmp_path, **words), *["--dry-run"] * dry])
    assert line.startswith("raysearch: generator.num_frames=16, of which LTXConditionPipeline makes 15: a view of ")
    assert line.endswith(f"needs 12, after {lost} of conditioning; set generator.num_frames=17")
    assert not list((tmp_path / "run").rglob("outcomes*"))


def test_a_challenge_that_is_long_enough_says_how_many_frames_will_be_made(tmp_path, capsys):
    words = {"generator": {"model": "tiny", "num_frames": 18}, "prompts": {}}
    file = job(tmp_path, **words, challenge={"data": "tiny", "scenarios": 1})
    assert main(["challenge", file, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("generator.num_frames=18: 17 will be made")


def test_a_saved_wan_tells_that_twenty_frames_are_twenty_one(tmp_path, capsys):
    wan.wan().save_pretrained(tmp_path / "wan")
    generator = {"model": str(tmp_path / "wan"), "steps": 2, "fps": 16, "num_frames": 20, "height": 32, "width": 32}
    capsys.readouterr()
    file = job(tmp_path, generator=generator, prompts={"items": ["a red ball rolls"]})
    assert main(["config", file]) == 0
    assert "21 will be made: WanPipeline makes 4k + 1 frames" in capsys.readouterr().out
    assert main(["plan", file, "--seconds-per-nfe", "1"]) == 0
    assert "generator.num_frames=20: 21 will be made" in capsys.readouterr().out
    line = refused(capsys, ["run", file, "generator.width=40"])
    assert line == "raysearch: generator.width=40: WanPipeline makes multiples of 16; give 32 or 48"
