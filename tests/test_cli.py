"""The command line as a user meets it: clear mistakes, help that teaches, lists."""

import subprocess
import sys
from pathlib import Path

import pytest

import raysearch
from raysearch import config
from raysearch.cli import main

ROOT = Path(__file__).parents[1]
DEMO = str(ROOT / "jobs/demo.yaml")
SMALL = ["prompts.heldout=2", "search.n=3", "generator.steps=3"]
INLINE = "cluster.executor=inline"


def told(capsys, *argv) -> tuple[int, str]:
    code = main([str(a) for a in argv])
    out = capsys.readouterr()
    return code, out.err


def bad_yaml(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("search: {name: best_of_n\nrun: [")
    return path


def a_list(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("- one\n- two\n")
    return path


def a_folder(tmp_path):
    return tmp_path


def nothing(tmp_path):
    (tmp_path / "empty.yaml").touch()
    return tmp_path / "empty.yaml"


def a_key_twice(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("seed: 1\ngenerator:\n  steps: 3\n  steps: 4\n")
    return path


@pytest.mark.parametrize(
    "words, wants",
    [
        (["serch.n=4"], "did you mean 'search'"),
        (["generator.stepz=4"], "did you mean 'generator.steps'"),
        (["cluster.generators.replica=4"], "did you mean 'cluster.generators.replicas'"),
        (["search.m=4"], "option of best_of_n 'm' is unknown; There are: n, "),
        (["search.name=best_of"], "did you mean 'best_of_n'"),
        (["search.kernel.etta=1"], "did you mean 'eta'"),
        (["search.kernel=ddim"], "did you mean 'ddim_eta'"),
        (["search.guide.name=mean"], "search.guide"),
        (["reward.name=vjepa"], "did you mean 'vjepa2'"),
        (["reward.strid=2"], "did you mean 'stride'"),
        (["watch=[moton]"], "did you mean 'motion'"),
        (["watch=motion"], "watch: give a list, e.g. watch=[one,two]"),
        (["prompts.scenes=one_ball"], "prompts.scenes: give a list"),
        (["generator.name="], "generator.name: a value is missing"),
        (["search="], "search: a value is missing"),
        (["generator.steps=many"], "generator.steps"),
        (["seed=-1"], "seed=-1: give a whole number from 0"),
        (["generator.steps=0"], "generator.steps=0: give a whole number in [1, 100000]"),
        (["generator.model=tinny"], "generator.model='tinny': no folder of that name"),
        (["search.n=0"], "search.n=0: give a whole number of at least 1"),
        (["search.n=100000000000000000000"], "more than any machine can run; give at most 1000000"),
        (["search.n=few"], "search.n='few': give a whole number"),
        (["search.n=1,2"], "raysearch sweep takes several values"),
        (["search.n=2.5"], "n=2.5: give a whole number"),
        (["search.name=smc", "search.lam=high"], "lam='high': give a number"),
        (["search.name=smc", "search.reads=0.5"], "search.reads=0.5: give a list of numbers"),
        (
            ["search.name=smc", "search.reads=[0.5,late]"],
            "search.reads=[0.5, 'late']: give a list of numbers",
        ),
        (["search.kernel.eta=0.5"], "kernel.eta=0.5 of ode: this kernel has no noise"),
        (["search.kernel={name: ddim_eta, eta: 2}"], "kernel.eta=2 of ddim_eta: give a number in [0, 1]"),
        (["search.kernel.window=3"], "kernel.window=3: give two fractions"),
        (["search.name=rbf", "search.lam=3"], "search=NAME leaves out the options of another strategy"),
        (["reward.name=motion", "watch=[]"], "reward=NAME leaves out the options of another reward"),
        (["prompts.heldout=0"], "the job has no prompts"),
        (["prompts.scenes=[three_balls]"], "three_balls"),
        (["prompts.items=[{text: a, vidio: b}]"], "did you mean 'video'"),
        (["prompts.items=[{text: a, id: ../b}]"], "'../b': ids name files"),
        (["prompts.items=[{text: a, id: .b}]"], "begins with no dot"),
        ([f"run={__file__}/x"], "test_cli.py is a file; name another folder"),
        (["prompts.heldout=0", "challenge.data=tiny"], "`raysearch challenge` runs it"),
        (["prompts.items=[{text: a, image: nowhere.png}]"], "nowhere.png"),
        (["generator.model=./nowhere"], "./nowhere"),
        (["reward.model=./nowhere"], "./nowhere"),
        (["reward.model=null"], "reward.model=None: give `tiny`"),
        (["films=some"], "films: 'some' is unknown; There are: best"),
        (["cluster.executor=slurm"], "cluster.executor: 'slurm' is unknown"),
        (["cluster.generators.replicas=400", "cluster.executor=ray"], "400 generators x 0.75"),
        (["cluster.rewards.ranks=2"], "only generators are split"),
        (["justaword"], "key=value"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_wrong_setting_is_one_line_and_leaves_nothing(capsys, tmp_path, words, wants):
    run = tmp_path / "run"
    code, error = told(capsys, "run", DEMO, f"run={run}", *SMALL, INLINE, *words)
    assert code == 2 and wants in error
    assert error.count("\n") == 1 and error.startswith("raysearch: ")
    assert not run.exists()


@pytest.mark.parametrize(
    "make, wants",
    [
        (bad_yaml, "not YAML"), (a_list, "holds a list"), (nothing, "holds nothing"),
        (a_key_twice, "line 4, column 3: key 'steps' is given twice"), (a_folder, "a folder; give a YAML file"),
        (lambda tmp: tmp / "nowhere.yaml", "no such file"),
    ],
)  # fmt: skip
def test_a_job_file_that_is_none(capsys, tmp_path, make, wants):
    path = make(tmp_path)
    code, error = told(capsys, "run", path)
    assert code == 2 and str(path) in error and wants in error and error.count("\n") == 1


def test_a_command_that_is_none_and_words_too_many(capsys):
    code, error = told(capsys, "rum", DEMO)
    assert code == 2 and "did you mean 'run'?" in error and error.count("\n") == 1
    for words, wants in ((["run"], "required: job\n"), (["run", DEMO, "--dry"], "raysearch run: error: unrecognized")):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2 and wants in capsys.readouterr().err


def test_a_challenge_without_its_part(capsys):
    code, error = told(capsys, "challenge", DEMO, "--dry-run")
    assert code == 2 and "no part `challenge:`" in error


def test_a_video_that_is_none(capsys, tmp_path):
    path = tmp_path / "clip.mp4"
    for content, wants in ((None, "no such file"), (b"", "not a video"), (b"text", "not a video")):
        if content is not None:
            path.write_bytes(content)
        code, error = told(capsys, "score", path)
        assert code == 2 and wants in error and str(path) in error and error.count("\n") == 1


def test_a_report_of_nothing(capsys, tmp_path):
    code, error = told(capsys, "report", tmp_path)
    assert code == 2 and str(tmp_path) in error
    (tmp_path / "manifest.json").touch()
    (tmp_path / "config.yaml").touch()
    code, error = told(capsys, "report", tmp_path)
    assert code == 2 and f"{tmp_path / 'manifest.json'} is damaged" in error
    (tmp_path / "sweep.html").touch()
    code, error = told(capsys, "report", tmp_path)
    assert code == 2 and f"its page is {tmp_path / 'sweep.html'}" in error


@pytest.mark.parametrize("words", [[], ["run"], ["score"], ["report"], ["config"], ["strategies"], ["generators"]])
def test_help(capsys, words):
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert stop.value.code == 0 and "usage: raysearch" in capsys.readouterr().out


def test_frames_for_a_model_that_takes_text_alone_are_refused_before_loading(capsys, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text('{"_class_name": "MochiPipeline"}')
    words = [f"generator.model={tmp_path / 'model'}", "generator.steps=4", "generator.fps=8", f"run={tmp_path / 'run'}"]
    code, error = told(capsys, "run", DEMO, *words, INLINE)
    assert code == 2 and "MochiPipeline" in error and "one_ball-000" in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_name_alone_takes_the_place_of_the_whole_part(tmp_path):
    job = config.load(DEMO, ["reward=smoothness", "reward.step=2", "search=smc"])
    assert job.reward == {"name": "smoothness", "step": 2} and job.search == {"name": "smc"}
    assert config.load(DEMO, ["search.n=3", "search={name: beam}"]).search == {"name": "beam", "n": 3}
    path = tmp_path / "job.yaml"
    path.write_text("search: rbf\nreward: motion\ngenerator: {model: tiny}\nprompts: {heldout: 1}\n")
    job = config.load(str(path))
    assert (job.search, job.reward) == ({"name": "rbf"}, {"name": "motion"})


def test_config_shows_what_would_run(capsys):
    assert main(["config", DEMO, "search.n=5", "--cluster", str(ROOT / "clusters/local.yaml")]) == 0
    out = capsys.readouterr().out
    assert "n: 5" in out and "steps: 12" in out and "replicas: 2" in out


@pytest.mark.parametrize("job", sorted((ROOT / "jobs").glob("*.yaml")), ids=lambda p: p.name)
@pytest.mark.parametrize("where", sorted((ROOT / "clusters").glob("*.yaml")), ids=lambda p: p.name)
def test_every_job_and_cluster_file_loads(job, where):
    assert config.load(str(job), cluster_file=str(where)).search["name"]


def test_settings_may_stand_behind_an_option(capsys):
    cluster = str(ROOT / "clusters/local.yaml")
    assert main(["config", DEMO, "seed=3", "--cluster", cluster, "cluster.generators.replicas=3"]) == 0
    out = capsys.readouterr().out
    assert "seed: 3" in out and "replicas: 3" in out
    with pytest.raises(SystemExit):
        main(["config", DEMO, "--clutter", "seed=3"])


def test_python_m_is_the_command():
    said = subprocess.run([sys.executable, "-m", "raysearch", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("raysearch ")


def test_a_python_without_what_raysearch_needs_is_told_in_one_line(tmp_path):
    """As the job of a cluster whose image has Ray's Python and nothing else."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from raysearch.cli import main; sys.exit(main(['list']))"
    env = {"RAYSEARCH_VERSION": raysearch.__version__}
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], env=env, text=True, capture_output=True)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended.stderr
    assert "the Python of the cluster" in ended.stderr and "docs/clusters.md, The image" in ended.stderr
    alone = subprocess.run([sys.executable, "-I", "-S", "-c", code], env={}, text=True, capture_output=True)
    assert alone.returncode == 1 and "ModuleNotFoundError" in alone.stderr, "at home pip is to blame, not an image"
