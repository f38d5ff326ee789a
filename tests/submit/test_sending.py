"""What would be sent: shown in full by a dry run, the same for the same job, refused where results would be lost."""

import os
import re
from pathlib import Path

import pytest

from raysearch import __version__
from raysearch.cli import main
from raysearch.errors import UsageError
from raysearch.submit import sending

GOLDEN = Path(__file__).parent / "golden"
URL = ["--address", "http://127.0.0.1:8265"]
JOB = """\
run: runs/mine
prompts: {items: [{text: a ball, image: frames/ball.png}]}
generator: {model: some/model, steps: 4, fps: 8}
"""
CLUSTER = """\
storage: s3://my-bucket/raysearch
submit: {address: "http://127.0.0.1:8265", ship: false, env: {HF_HOME: /shared/hub}, exclude: [notes/]}
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working directory with a job, a cluster file, and things that have no business on a cluster."""
    root = tmp_path / "work"
    for name, text in {
        "job.yaml": JOB, "where.yaml": CLUSTER, "frames/ball.png": "not looked at", "notes/a.txt": "",
        "README.md": "hello", ".gitignore": "frames/\n", "runs/old/result.json": "{}", "clip.mp4": "", ".venv/x": "",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    return root


def prepare(*words: str, command: str = "run", cluster: str | None = "where.yaml") -> sending.Sending:
    return sending.prepare(command, "job.yaml", words, cluster, Path.cwd())


def test_a_dry_run_shows_all_that_would_be_sent(work, capsys):
    assert main(["submit", "job.yaml", "search.n=4", "--cluster", "where.yaml", "--dry-run"]) == 0
    out = capsys.readouterr().out
    text = re.sub(r"-run-[0-9a-f]{12}", "-run-0123456789ab", out).replace(__version__, "VERSION")
    text = re.sub(r"fingerprint: [0-9a-f]{32}", "fingerprint: 0123456789abcdef0123456789abcdef", text)
    golden = GOLDEN / "dry_run.txt"
    if "RAYSEARCH_WRITE_GOLDEN" in os.environ:
        golden.write_text(text)
    assert text == golden.read_text()
    assert "/shared/hub" not in out  # of the environment the names alone


def test_the_same_job_is_the_same_and_what_changes_its_results_is_not(work):
    first = prepare()
    assert prepare().id == first.id and prepare("cluster.generators.replicas=9").id == first.id
    assert first.run == "s3://my-bucket/raysearch/runs/mine"
    others = [prepare("seed=1").id, prepare("run=s3://b/other").id, prepare("search.n=3").id]
    (work / "frames/ball.png").write_text("another picture")
    others.append(prepare().id)
    assert len({first.id, *others}) == 5


def test_files_of_elsewhere_are_carried_along(work, tmp_path):
    (tmp_path / "pools.yaml").write_text(CLUSTER)
    found = prepare(cluster=str(tmp_path / "pools.yaml"))
    (carried,) = [name for name in found.parcel.files if name.startswith(".raysearch/")]
    assert f"--cluster {carried} cluster.address=auto" in found.entrypoint


@pytest.mark.parametrize(
    "words, wants",
    [
        (["cluster.storage=null"], "this is a folder of one machine"),
        (["cluster.storage=null", "run=~/x"], "this is a folder of one machine"),
        (["cluster.storage=shared"], "give what all nodes see"),
        (["prompts.items=[{text: a, image: ../ball.png}]"], "lies outside of"),
        (["prompts.items=[{text: a, image: frames/boll.png}]"], "frames/boll.png: no such file"),
        (["search.m=4"], "'m' is unknown; There are: n"),
        (["cluster.submit.max_mb=0.00001"], "max_mb"),
        (["cluster.submit.env.AWS_SECRET=x"], "can be read in the dashboard"),
        (["generator.model=./nowhere"], "./nowhere"),
    ],
    ids=lambda v: v[-1] if isinstance(v, list) else "",
)
def test_what_would_go_wrong_there_is_told_here(work, words, wants):
    with pytest.raises(UsageError, match=re.escape(wants)):
        prepare(*words)


def test_a_model_folder_of_the_cluster_need_not_be_here(work):
    assert "model=/models/of/the/cluster" in prepare("generator.model=/models/of/the/cluster").entrypoint


def test_a_folder_of_one_name_on_all_machines_is_taken_with_a_note(work):
    assert prepare("run=/shared/x").notes == ["/shared/x must be the same, shared folder on every node"]


def test_sweeps_and_challenges(work, capsys):
    swept = prepare("particles=1,2", command="sweep")
    assert (
        swept.id.startswith("raysearch-sweep-")
        and "sweep job.yaml --cluster where.yaml particles=1,2" in swept.entrypoint
    )
    with pytest.raises(UsageError, match="as the cluster's machines see it"):
        prepare("challenge.data=physics-IQ", command="challenge")
    assert prepare("challenge.data=/data/physics-IQ", command="challenge").run.startswith("s3://")
    assert prepare("challenge.data=tiny", "run=/shared/c", command="challenge").run == "/shared/c"
    assert main(["submit", "sweep", "--cluster", "where.yaml"]) == 2
    assert "sweep: which job?" in capsys.readouterr().err
