"""What a person wrote is what is used, in files as on the command line."""

import json

import pytest

from raysearch import config, runs
from raysearch.config.settings import Job
from raysearch.errors import UsageError

CLOCKWORK = ["generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion",
             "watch=[]", "search={name: best_of_n, n: 1}", "films=best", "cluster.executor=inline"]  # fmt: skip


def job(tmp_path, text="", *words):
    path = tmp_path / "job.yaml"
    path.write_text(text or "seed: 0\n")
    return config.load(str(path), list(words), elsewhere=True)


def test_times_ids_and_dates_stay_as_written(tmp_path):
    text = """
cluster: {slurm: {time: 12:30:00, account: 0123, partition: no}, submit: {env: {A: 1e3, B: true, C: 2024-01-01}}}
prompts: {items: [{id: 007, text: 1_000}, {id: 1e3, text: on}, {id: 2024-01-01, text: null_}, 12:30:00]}
generator: {model: 0001, revision: 1e10, negative_prompt: no, steps: 1e1, fps: 8, shift: 1_000.5}
reward: {name: vjepa2, label: 01, revision: 0123456}
"""
    got = job(tmp_path, text.replace("model: 0001, ", ""))
    slurm, items = got.cluster.slurm, got.prompts.items
    assert (slurm.time, slurm.account, slurm.partition) == ("12:30:00", "0123", "no")
    assert got.cluster.submit.env == {"A": "1e3", "B": "true", "C": "2024-01-01"}
    assert items[0] == {"id": "007", "text": "1_000"} and items[1]["id"] == "1e3" and items[3] == "12:30:00"
    assert (got.generator.revision, got.generator.negative_prompt) == ("1e10", "no")
    assert (got.generator.steps, got.generator.shift, got.generator.fps) == (10, 1000.5, 8.0)
    assert type(got.generator.steps) is int and type(got.generator.fps) is float
    assert got.reward["label"] == "01" and got.reward["revision"] == "0123456"
    assert job(tmp_path, "", "cluster.slurm.time=12:30:00").cluster.slurm.time == "12:30:00"


TRICKY = ["${5}", "${oc.env:HF_TOKEN}", "???", "$HOME", "${a", "a: b", "#x", "*x", "&x", "!x", "%x", "@x", "`x`", "- x",
          "1e1", "0o17", "n", "y", "yes", "~", "null", "true", ".nan", "2024-01-01", "12:30:00", " x ", "", "'", '"',
          "a\nb", "é", "\\", "{}", "[]", "<<", "=", "|", "1_000"]  # fmt: skip


@pytest.mark.parametrize("text", TRICKY)
def test_a_job_that_is_written_is_read_as_the_same_job(tmp_path, text):
    values = {
        "prompts": {"items": [{"id": "a", "text": text or "x"}]},
        "generator": {"negative_prompt": text, "call": {"x": text}},
    }
    one = config.typed(values, "test", elsewhere=True)
    again = job(tmp_path, config.to_yaml(one))
    assert again == one and again.generator.negative_prompt == text == again.generator.call["x"]


def test_a_prompt_with_dollar_and_braces_runs_and_nothing_reaches_the_environment(tmp_path, monkeypatch):
    secret = "hf_" + "A1b2C3d4E5" * 3
    monkeypatch.setenv("HF_TOKEN", secret)
    text = 'prompts: {items: [{id: a, text: "a sign that reads ${5} off"}, {id: b, text: "${oc.env:HF_TOKEN}"}]}\n'
    run = tmp_path / "run"
    loaded = job(tmp_path, text, *CLOCKWORK, f"run={run}")
    assert [end.error for end in runs.run(loaded)] == [None, None]
    searches = json.loads((run / "result.json").read_text())["searches"]
    assert [s["prompt"]["text"] for s in searches] == ["a sign that reads ${5} off", "${oc.env:HF_TOKEN}"]
    files = [path for path in run.rglob("*") if path.is_file()]
    assert files and not any(secret.encode() in path.read_bytes() for path in files)
    assert config.load(str(run / "config.yaml")) == loaded


def test_secrets_are_refused_after_merging_as_well(tmp_path):
    with pytest.raises(UsageError, match="the merged job: run looks like an AWS secret key"):
        job(tmp_path, f"run: {'A1' * 20}\n", "cluster.storage=/shared/aws_secret_access_key")  # joined they are one


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("generator.steps='8'", "generator.steps='8': give a whole number in [1, 100000] or null, without quotes"),
        ("generator.height=.nan", "generator.height=.nan: give a whole number"),
        ("generator.height=1e20", "generator.height=1e20: give a whole number in [1, 16384]"),
        ("generator.fps=1e400", "generator.fps=1e400: give a number in [1, 1000]"),
        ("generator.call.x=.nan", "generator.call.x=.nan: give a finite number"),
        ("generator.call.x=[1, -.inf]", "generator.call.x[1]=-.inf: give a finite number"),
        ("search.lam=.inf", "search.lam=.inf: give a finite number"),
        ("prompts.heldout=1e20", "prompts.heldout=1e20"),
        ("prompts.items=[{text: [a]}]", "prompts.items[0].text"),
        ("prompts.items={text: a}", "prompts.items: give a list"),
        ("cluster.generators.replicas=1e20", "cluster.generators.replicas=1e20"),
        ("cluster.generators.num_gpus=-1", "cluster.generators.num_gpus=-1: give a number"),
        ("cluster.generators.resources={a: x}", "cluster.generators.resources.a='x': give a number"),
        ("cluster=3", "cluster=3: expected a mapping"),
        ("generator=3", "generator=3: expected a mapping"),
        ("baseline=2", "baseline=2: give true or false"),
        ("search=[a]", "search=['a']: give a mapping of keys"),
        ("a..b=1", "an override has the form key=value"),
        ("--search.n=4", "settings have no dashes; write search.n=4"),
        ("search.n=[1", "search.n: not YAML"),
        (".".join(["a"] * 200) + "=1", "levels deep"),
        ("x" * 200 + "=1", "is unknown"),
        ("reward.name=\0", "NUL"),
        ("generator.model=" + "é" * 300, "no folder or hub id has so long a name"),
        ("reward.model=" + "a/" + "b" * 300, "no folder or hub id has so long a name"),
    ],
    ids=lambda v: v[:24].replace("\0", "nul"),
)
def test_what_cannot_be_is_one_line_with_key_and_remedy(tmp_path, word, why):
    with pytest.raises(UsageError) as error:
        job(tmp_path, "", word)
    assert why in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 700


def test_a_run_folder_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "job.yaml").write_text("run: ~/runs/a\n")
    assert config.load(str(tmp_path / "job.yaml"), CLOCKWORK).run == f"{tmp_path}/runs/a"
    assert config.load(str(tmp_path / "job.yaml"), elsewhere=True).run == "~/runs/a"  # at home there
    with pytest.raises(UsageError, match="run=~nobody-here/a: there is no such user"):
        config.load(str(tmp_path / "job.yaml"), [*CLOCKWORK, "run=~nobody-here/a"])


def test_later_sources_win_and_lists_are_taken_whole(tmp_path):
    got = job(tmp_path, "search: {name: smc, n: 4}\nwatch: [motion, flicker]\n", "search.n=3", "watch=[flicker]")
    assert got.search == {"name": "smc", "n": 3} and got.watch == [{"name": "flicker"}]
    assert job(tmp_path, "search: {name: smc, lam: 4}\n", "search=beam").search == {"name": "beam"}


def test_yes_and_no_where_true_or_false_is_wanted(tmp_path):
    got = job(tmp_path, "baseline: no\ngenerator: {tiling: yes}\n")
    assert got.baseline is False and got.generator.tiling is True
    with pytest.raises(UsageError, match="trust_remote_code='yes'"):
        job(tmp_path, "generator: {trust_remote_code: yes}\n")


def test_a_job_file_is_no_cluster_file(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("prompts: {heldout: 1}\n")
    with pytest.raises(UsageError, match="this is a job file"):
        config.load_cluster(str(path))


def test_defaults_are_a_job_of_their_own():
    assert config.plain(config.typed({}, "test"))["search"] == Job().search


def test_the_tiny_magi_is_run_by_its_own_generator_with_steps_for_its_chunks(tmp_path):
    got = job(tmp_path, "", "generator={model: tiny-magi, chunks: 3}").generator
    assert (got.name, got.steps, got.fps, got.height, got.guidance_scale) == ("magi1", 48, 24.0, 32, 1.0)
    assert got.call == {"window": 1, "quality": False, "duration": False, "past_scale": 1.0}
    together = job(tmp_path, "", "generator={model: tiny-magi, chunks: 3, call: {window: 4}}").generator
    assert together.steps == 24 and together.call["window"] == 4
    assert job(tmp_path, "", "generator={model: tiny-magi, steps: 32}").generator.steps == 32
