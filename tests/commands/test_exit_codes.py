"""Exit codes as docs/observability.md states them: of every command, for success, mistakes, failures and stops."""

import json
from pathlib import Path

import numpy as np
import pytest

from raysearch import cli, commands, videos
from raysearch.stopping import Terminated

CLOCKWORK = ["generator={name: 'examples.clockwork:load', model: clockwork, steps: 2, fps: 8}", "reward=motion",
             "watch=[]", "search.n=1", "cluster.executor=inline"]  # fmt: skip
ONE = "prompts={items: [{id: a, text: a ball}], heldout: 0}"
NOBODY = ["--address", "http://127.0.0.1:9"]
# By command: words that succeed, and words with a mistake. {0} is a new folder, {run} a finished run, {film} a film.
CASES = {
    "init": ("{0}/new --yes --gpus 0", "{0}/new --yes --machine moon"),
    "run": (["demo", *CLOCKWORK, ONE, "films=none", "run={0}/r"], "demo serch.n=1"),
    "config": ("demo", "demo search.n=0"),
    "report": ("{run}", "{0}"),
    "compare": ("{run} {run} --html {0}/compare.html", "{run} {0}"),
    "export": ("{run} --csv {0}/candidates.csv", "{run}"),
    "sweep": (["demo", *CLOCKWORK, ONE, "films=none", "run={0}/s", "seed=0,1"], "demo search.n=1,x"),
    "plan": ("demo --seconds-per-nfe 1 search.n=1 prompts.heldout=1", "demo --seconds-per-nfe 1 search.name=smx"),
    "submit": (None, ["demo", *NOBODY, "run=/shared/r"]),  # success: tests/submit, for it loads Ray
    "slurm": ("wan_t2v --cluster slurm --dry-run", "wan_t2v --cluster moon --dry-run"),
    "status": ("{run}", "{0}/none"),
    "logs": ("{run}", "{0}/none"),
    "cancel": (None, ["a", *NOBODY]),  # success: tests/submit/test_journey.py, on a real cluster
    "list": (None, NOBODY),  # the same
    "score": ("{film} --reward motion", "{0}/none.mp4 --reward motion"),
    "physics-iq": (None, "score {0} --data {0}"),  # success: tests/evals/physics_iq
    "challenge": ("challenge_tiny --dry-run run={0}/c", "demo --dry-run"),
    "preference": (None, "make {0}/none.jsonl {0}/study"),  # success: tests/evals/preference
    "calibrate": ("{run} --clips 0 --no-twins", "{0}/none"),
    "quality": ("{film}", "{0}/none.mp4"),
    "videophy": ("prepare {run} --out {0}/v.csv", "prepare {0}"),
    "validate-reward": (None, "--tiny 1 model=./none"),  # success: tests/evals/test_validate.py, with a model
    "agreement": (None, "demo"),  # success: tests/commands/test_agreement.py, with a model
    "strategies": ("smc", "smd"),
    "rewards": ("motion", "motoin"),
    "generators": ("WanPipeline", "wanpipelin"),
    "doctor": ("examples.clockwork:load steps=4 --no-gradients", "./none"),
    "completion": ("bash", "fish"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run and a film."""
    folder = tmp_path_factory.mktemp("made")
    film = folder / "film.mp4"
    film.write_bytes(videos.encode(np.arange(8 * 32 * 32 * 3, dtype=np.uint8).reshape(8, 32, 32, 3), 8))
    assert cli.main(["run", "demo", *CLOCKWORK, ONE, "films=best", f"run={folder}/run"]) == 0
    return {"run": f"{folder}/run", "film": str(film)}


def code(command, words, folder, made):
    words = words.split() if isinstance(words, str) else words
    words = [w.replace("{0}", str(folder)).replace("{run}", made["run"]).replace("{film}", made["film"]) for w in words]
    try:
        return cli.main([command, *words])
    except SystemExit as error:  # of argparse
        return error.code


def test_every_command_is_here():
    assert CASES.keys() == cli._parser()[1].keys()


@pytest.mark.parametrize("command", [name for name, (good, _) in CASES.items() if good])
def test_success_is_0(command, tmp_path, made, monkeypatch):
    monkeypatch.chdir(tmp_path)  # `submit` packs the working directory
    assert code(command, CASES[command][0], tmp_path, made) == 0


@pytest.mark.parametrize("command", list(CASES))
def test_a_mistake_is_2_and_one_line(command, tmp_path, made, capsys):
    assert code(command, CASES[command][1], tmp_path, made) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("raysearch") and "error" in line]
    assert len(said) <= 1


BROKEN = [*CLOCKWORK[1:], "generator={name: 'tests.commands.broken:load', model: b, steps: 2, fps: 8}", "films=none",
          "prompts={items: [{id: a, text: a ball}, {id: b, text: broken}], heldout: 0}"]  # fmt: skip


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_search_that_fails_is_1_and_the_others_are_kept(command, tmp_path, made, capsys):
    more = ["seed=0,1"] if command == "sweep" else []
    assert code(command, ["demo", *BROKEN, "run={0}/r", *more], tmp_path, made) == 1
    if command == "run":
        assert "b failed: RuntimeError: no memory left" in capsys.readouterr().err
        entries = json.loads((tmp_path / "r" / "result.json").read_text())["searches"]
        assert [bool(e["error"]) for e in entries] == [False, True]
        assert code("logs", f"{tmp_path}/r --follow", tmp_path, made) == 1


def test_a_check_that_fails_is_1(tmp_path, made):
    assert code("doctor", ["tests.commands.test_exit_codes:failing", "steps=4", "--no-gradients"], tmp_path, made) == 1


def failing(config, device):
    from tests.commands.broken import Failing

    return Failing(config.steps, float(config.fps))


@pytest.mark.parametrize(("signal", "wants"), [(KeyboardInterrupt, 130), (Terminated, 143), (BrokenPipeError, 141)])
@pytest.mark.parametrize("command", list(CASES))
def test_a_command_that_is_stopped_says_so(command, signal, wants, monkeypatch, tmp_path, made, capfd):
    """Whatever a command does, `main` turns a stop into its code; real signals: tests/test_stopping.py."""
    parse = cli._parse

    def stopped(args):
        raise signal

    def parsed(argv):
        args = parse(argv)
        args.command = stopped
        return args

    monkeypatch.setattr(cli, "_parse", parsed)
    monkeypatch.setattr(cli.os, "dup2", lambda *_: None)
    words = CASES[command][1] if command != "completion" else "bash"
    if command == "validate-reward":
        words = "--tiny 1"
    assert code(command, words, tmp_path, made) == wants


def test_the_table_of_the_documents_has_these_codes(request):
    text = Path(request.config.rootpath, "docs/observability.md").read_text()
    table = text[text.index("## Exit codes") :].split("\n## ")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:] == [
        "0", "1", "2", "130", "143", "141"
    ]  # fmt: skip
    assert commands.TOPICS
