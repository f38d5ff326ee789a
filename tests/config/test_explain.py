"""`raysearch config`: every value with where it came from, and a job again when read back."""

from pathlib import Path

import pytest

from raysearch import config
from raysearch.cli import main
from raysearch.config.reader import parse
from raysearch.config.schema import plain as plain_values

ROOT = Path(__file__).parents[2]
JOBS = sorted(p.name for p in (ROOT / "jobs").glob("*.yaml"))
CLUSTERS = sorted(str(p.relative_to(ROOT)) for p in [ROOT / "clusters/local.yaml", *ROOT.glob("clusters/*/run.yaml")])


def sources(out: str) -> dict[str, str]:
    """What stands behind `#`, by key as it is indented."""
    lines = [line.partition("  # ") for line in out.splitlines()]
    return {text.split(":")[0].strip(): source for text, mark, source in lines if mark}


def test_every_value_says_where_it_came_from(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = ["search.n=5", "search.kernel={name: ddim_eta, eta: 0.5}", "watch=[motion]"]
    assert main(["config", "jobs/demo.yaml", *words, "--cluster", "clusters/local.yaml"]) == 0
    out = capsys.readouterr().out
    found = sources(out)
    assert found["n"] == found["eta"] == found["watch"] == "the command line"
    assert found["heldout"] == found["films"] == "jobs/demo.yaml" and found["executor"] == "clusters/local.yaml"
    assert (
        found["latents"] == "default"
        and found["shift"] == found["max_sequence_length"] == "filled in for the tiny model"
    )
    columns = {line.index("  # ") for line in out.splitlines() if "  # " in line}
    assert len(columns) == 1  # aligned
    assert main(["config", "jobs/demo.yaml", *words, "--plain"]) == 0
    assert "#" not in capsys.readouterr().out


def test_a_run_folder_below_storage_says_so(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["config", "jobs/demo.yaml", "--cluster", "clusters/onprem/run.yaml"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "run: /shared/raysearch/runs/demo              # jobs/demo.yaml, below cluster.storage"


@pytest.mark.parametrize(
    "job, cluster, plain",
    [
        *((job, None, False) for job in JOBS),
        *(("demo.yaml", cluster, False) for cluster in CLUSTERS),
        ("demo.yaml", None, True),
    ],
)
def test_what_it_prints_is_the_same_job(capsys, tmp_path, monkeypatch, job, cluster, plain):
    monkeypatch.chdir(ROOT)
    words = [f"jobs/{job}", *(["--cluster", cluster] if cluster else []), *(["--plain"] if plain else [])]
    assert main(["config", *words]) == 0
    (tmp_path / "again.yaml").write_text(capsys.readouterr().out)
    again = config.load(str(tmp_path / "again.yaml"), elsewhere=True)  # s3fs and gcsfs need not be installed here
    assert again == config.load(f"jobs/{job}", cluster_file=cluster, elsewhere=True)
    assert plain_values(parse((tmp_path / "again.yaml").read_text(), "again")) == config.plain(again)
