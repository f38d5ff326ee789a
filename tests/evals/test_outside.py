"""An evaluator that is run as a command."""

import sys

import pytest

from raysearch import cli
from raysearch.errors import UsageError
from raysearch.evals import outside, videophy


def test_an_evaluator_runs_as_a_command(tmp_path, capsys):
    (tmp_path / "v.mp4").write_bytes(b"x")
    videophy.write_input({str(tmp_path / "v.mp4"): "a, b"}, tmp_path / "in.csv")
    script = tmp_path / "evaluate.py"
    script.write_text(
        "import csv, sys\nrows = list(csv.DictReader(open(sys.argv[1])))\n"
        "csv.writer(open(sys.argv[2], 'a')).writerows([r['videopath'], r['caption'], 0.5] for r in rows)\n"
    )
    out, command = str(tmp_path / "sa.csv"), f"{sys.executable} {script} {{input}} {{output}}"
    words = ["videophy", "run", str(tmp_path / "in.csv"), "--out", out, "--command", command]
    assert cli.main(words) == 0 and cli.main(words) == 0  # it appends; the file is new every time
    assert videophy.read_output(out) == {str(tmp_path / "v.mp4"): 0.5}
    assert cli.main(["videophy", "score", out, out]) == 0
    assert "joint_percent" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"has no \{output\}"):
        outside.run("python {input}", "a", "b")
    with pytest.raises(UsageError, match="no such program"):
        outside.run("/nowhere/python {input} {output}", "a", tmp_path / "b")
    with pytest.raises(UsageError, match=r"ended with 1 .*KeyError"):
        outside.run(f"{sys.executable} -c \"raise KeyError('x')\" {{input}} {{output}}", "a", tmp_path / "b")
