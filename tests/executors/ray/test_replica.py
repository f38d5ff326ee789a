"""Durations of calls: deadlines that are learnt, and what is said of a call that exceeds its own."""

from raysearch.executors.ray.replica import AT_LEAST_S, FEW, PATIENCE, Durations


def test_a_deadline_is_the_limit_until_enough_calls_are_seen():
    durations = Durations(1800.0)
    assert durations.deadline(50.0) == 1800.0
    said = durations.overdue(50.0)
    assert said.startswith("no answer within cluster.deadline_s=1800; no such call has been seen to end; raise it")
    for _ in range(FEW):
        durations.record(100.0, 50.0)
    assert durations.deadline(50.0) == min(max(AT_LEAST_S, PATIENCE * 100.0), 1800.0)
    assert "such calls take about 100 s" in durations.overdue(50.0)
    assert durations.overdue(50.0).startswith(f"no answer within {durations.deadline(50.0):.3g} s")
    assert durations.overdue(None).startswith("no answer within cluster.deadline_s=1800")
