"""`raysearch sweep`."""

from raysearch.cli import main
from tests.sweep.case import DEMO, SMALL, journal


def test_no_axis_is_said(tmp_path, capsys):
    assert main(["sweep", DEMO, *SMALL, "search.n=1", f"run={tmp_path}"]) == 0
    assert "the grid has no axis, so it is a single point; write one as key=a,b" in capsys.readouterr().err
    assert len(journal(tmp_path)) == 1
