"""The grid of a sweep: its axes, its points, and axes that make no sense."""

import pytest

from raysearch import config, sweep
from raysearch.cli import main
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from tests.sweep.case import DEMO, ROOT, SMALL, SWEEP


def test_words_replace_the_axes_of_the_job():
    assert len(sweep.points(SWEEP)) == 24
    found = sweep.points(SWEEP, ["search.n=3", "seed=7"])
    assert [(p.job.search["name"], p.job.search["n"], p.job.seed) for p in found] == [
        ("best_of_n", 3, 7),
        ("smc", 3, 7),
    ]
    assert found[1].job.search["kernel"]["name"] == "ddim_eta" and "kernel" not in found[0].job.search
    assert {p.job.films for p in found} == {"none"}


def test_what_a_card_fills_in_is_filled_in_anew_at_every_point(tmp_path):
    """Of Wan: another size has another shift, and another model another card; what the job says stays."""
    job = tmp_path / "job.yaml"
    wan, small = "Wan-AI/Wan2.1-T2V-14B-Diffusers", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    job.write_text(
        f"generator: {{model: {wan}, steps: 7, height: 480, width: 832}}\nprompts: {{items: [a ball]}}\nrun: r\n"
    )
    sizes = [p.job.generator for p in sweep.points(str(job), ["generator.height=480,720"], elsewhere=True)]
    assert [g.scheduler["flow_shift"] for g in sizes] == [3.0, 5.0]
    large, other = (p.job.generator for p in sweep.points(str(job), [f"generator.model={wan},{small}"], elsewhere=True))
    assert (large.scheduler["flow_shift"], other.scheduler["flow_shift"]) == (3.0, 8.0)
    assert (large.guidance_scale, other.guidance_scale) == (5.0, 6.0) and large.steps == other.steps == 7
    tiny, _ = (p.job.generator for p in sweep.points(str(job), [f"generator.model=tiny,{wan}"], elsewhere=True))
    assert tiny.dtype == "float32" and not tiny.scheduler and tiny.steps == 7


def test_commas_in_brackets_are_no_axis():
    given, rest = sweep.axes(["watch=[motion,tinyworld_truth]", "seed=1,2", 'prompts.items=["a, b"],["c"]'])
    assert rest == ["watch=[motion,tinyworld_truth]"]
    assert given == {"seed": [1, 2], "prompts.items": [["a, b"], ["c"]]}


@pytest.mark.parametrize(
    "words, wants",
    [
        (["run=a,b"], "share one folder"),
        (["cluster.generators.replicas=1,2"], "share one cluster"),
        (["seed=1,1"], "given twice"),
        (["seed=1,"], "empty value"),
        (["search=best_of_n,smx"], "did you mean 'smc'"),
        (["particels=1,2"], "particels"),
        (["seed=1,many"], "seed"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_wrong_axis_is_one_line_and_leaves_nothing(tmp_path, capsys, words, wants):
    assert main(["sweep", DEMO, f"run={tmp_path / 'run'}", *SMALL, *words]) == 2
    error = capsys.readouterr().err
    assert wants in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "jobs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_job_file_loads_and_says_what_to_run_never_where(path):
    job = config.load(str(path))
    assert job.cluster == Job().cluster and path.read_text().startswith("# ")
    with pytest.raises(UsageError, match="did you mean"):
        config.load(str(path), ["generator.stepz=3"])
