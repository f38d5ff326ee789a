"""`raysearch init`: flags, questions, and what it says to do next."""

import sys
from io import StringIO

import pytest

from raysearch import config
from raysearch.cli import main


class Terminal(StringIO):
    """Standard input of a person who answers these lines."""

    def isatty(self):
        return True


def test_flags_answer_everything_and_the_next_commands_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "shop", "--model", "tiny", "--gpus", "0"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("wrote shop/job.yaml") and "no GPUs" in out[1] and out[3] == "  cd shop"
    monkeypatch.chdir("shop")
    assert main(out[4].split()[1:]) == 0


def test_questions_are_asked_of_a_person(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal("ltx\nv2v\nhere\n2\n"))
    assert main(["init", str(tmp_path)]) == 0
    job = config.load(str(tmp_path / "job.yaml"), [], str(tmp_path / "cluster.yaml"), elsewhere=True)
    assert "LTX" in job.generator.model and job.prompts.file == "clips" and job.cluster.rewards.num_gpus == 0.1
    assert "t2v: a text" in capsys.readouterr().out


def test_a_machine_with_gpus_gets_as_many_replicas(tmp_path, capsys):
    assert main(["init", str(tmp_path), "--yes", "--machine", "gpu-node", "--gpus", "4"]) == 0
    assert "where: gpu-node, 4 GPUs; what you must change" in capsys.readouterr().out
    job = config.load(str(tmp_path / "job.yaml"), [], str(tmp_path / "cluster.yaml"), elsewhere=True)
    assert (job.cluster.generators.replicas, job.cluster.rewards.replicas) == (4, 4)


@pytest.mark.parametrize("words, wants", [
    (["--machine", "slurm", "--gpus", "2"], "--gpus 2: counts the GPUs of one machine, here or gpu-node; leave it out"),
    (["--machine", "gpu-node", "--gpus", "0"], "--gpus 0: give a whole number from 1 to 64"),
    (["--gpus", "-1"], "--gpus -1: give a whole number from 0 to 64"),
    (["--machine", "moon"], "--machine 'moon' is unknown"),
])  # fmt: skip
def test_mistakes_are_one_line(tmp_path, capsys, words, wants):
    assert main(["init", str(tmp_path), "--yes", *words]) == 2
    assert capsys.readouterr().err.startswith(f"raysearch: {wants}")
    assert not list(tmp_path.iterdir())
