"""How a run looks in a log."""

import pytest

from raysearch.observe import Lines
from tests.observe.case import NFE_S, NOISY, STEPS, Clock, Ticking, drive, searches


def test_lines_tell_the_same(tmp_path, capsys):
    view = Lines(3, clock=Clock())
    drive(tmp_path, Ticking(view.clock, extra={"hedges": 2}), searches(3, "smc", n=6, kernel=NOISY), view)
    out = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("[") and "best reward" in line for line in out) == 3
    between = [line for line in out if line.startswith("  ") and "searches" in line]
    assert len(between) == pytest.approx(3 * 6 * STEPS * NFE_S / 10, abs=3)
    assert "NFE at 2/s, about 0:0" in between[1] and "1/2 generators busy" in between[1] and "(2 hedges)" in between[1]
    assert any("round 3/4, ESS " in line for line in out)


def test_many_searches_are_counted_and_only_the_failed_have_a_line(tmp_path, capsys):
    view = Lines(40, clock=Clock())
    drive(tmp_path, Ticking(view.clock, poison=[(6, 0, 1)]), searches(40, n=2), view)
    out = capsys.readouterr().out.splitlines()
    (own,) = [line for line in out if line.startswith("[")]
    assert "FAILED: poison" in own
    assert out[-1].startswith("39 of 40 searches finished, best rewards ")
    assert "; 1 failed: " in out[-1] and "; slowest: " in out[-1]
    assert all(len(line) < 200 for line in out)
