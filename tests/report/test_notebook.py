"""One line in a notebook: settings by name, the report as HTML, results as plain dicts; and the committed notebook."""

import json
from pathlib import Path

import pytest

import raysearch
from raysearch.errors import UsageError
from raysearch.report.notebook import _words

ROOT = Path(__file__).parents[2]
CLOCKWORK = {
    "reward": "motion", "watch": [], "films": "all", "prompts": {"items": ["a ball", "a cube"]},
    "generator": {"name": "examples.clockwork:load", "model": "clockwork", "steps": 8, "fps": 8},
    "cluster": {"executor": "inline"},
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "job.yaml").write_text(json.dumps(CLOCKWORK))
    return raysearch.run(str(folder / "job.yaml"), n=3, run=str(folder / "run"))


def test_results_are_plain_dicts(ran):
    assert len(ran.rows) == 6 and len(ran.best) == 2 and not ran.failed
    for row in ran.rows:
        assert json.loads(json.dumps(row)) == row and Path(row["video"]).is_file()
    for best in ran.best:
        assert best["reward"] == max(r["reward"] for r in ran.rows if r["prompt"] == best["prompt"])


def test_a_notebook_shows_the_report_in_a_frame(ran):
    html = ran._repr_html_()
    assert html.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;') and html.count("<") == 2
    assert repr(ran).startswith(f"<run {ran.folder}: best rewards ")


def test_an_earlier_run_is_loaded(ran):
    (ran.folder / "report.html").unlink()
    again = raysearch.load(ran.folder)
    assert again.rows == ran.rows and (ran.folder / "report.html").is_file()


@pytest.mark.parametrize("key, value, words", [
    ("n", 4, ["search.n=4"]), ("seed", 1, ["seed=1"]), ("run", "runs/a", ['run="runs/a"']),
    ("search", "smc", ['search="smc"']), ("model", "tiny", ['generator.model="tiny"']),
    ("executor", "inline", ['cluster.executor="inline"']), ("baseline", False, ["baseline=false"]),
    ("prompts", ["a, b"], ['prompts.items=["a, b"]', "prompts.heldout=0"]),
    ("prompts", {"heldout": 2}, ["prompts.heldout=2"]), ("reads", [0.5], ["search.reads=[0.5]"]),
])  # fmt: skip
def test_settings_by_name_are_those_of_the_command_line(key, value, words):
    assert _words(key, value) == words


def test_mistakes_are_told_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="option of best_of_n 'm' is unknown"):
        raysearch.run("demo", m=4, run=str(tmp_path / "run"))
    with pytest.raises(UsageError, match="give a text, a number, a list or a dict"):
        raysearch.run("demo", n={1, 2})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_committed_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "examples/first.ipynb", 4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    drawn = [o for o in outputs[0] if o.output_type == "display_data"]
    assert len(drawn) == 1 and "2/2" in drawn[0].data["text/html"]
    assert outputs[1][0].data["text/html"].startswith("<iframe srcdoc=")
    assert outputs[2][0].text.count("<- chosen") == 2 and outputs[2][0].text.count("reward") == 8
    assert "8 recalled" in "".join(o.text for o in outputs[3] if o.output_type == "stream")
