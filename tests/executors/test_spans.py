"""What replicas did: taken once, in order, and told by the executor in this process."""

from raysearch import config, runs
from raysearch.executors.inline import Inline
from raysearch.executors.spans import Trace, Traced
from raysearch.observe import history
from tests.report.material import CLOCKWORK


def test_spans_are_taken_once():
    trace = Trace()
    trace.add("generators", 2, "move", 1.5, 0.5)
    (span,) = trace.take()
    assert (span.pool, span.slot, span.what, span.seconds, span.decode_s) == ("generators", 2, "move", 1.5, 0.5)
    assert trace.take() == []


def test_the_log_of_a_run_has_every_move_score_film_and_load(tmp_path):
    words = ["search.n=3", "prompts.items=[{id: a, text: a ball}]", "films=best", f"run={tmp_path / 'r'}"]
    job = config.load("jobs/demo.yaml", [*CLOCKWORK, *words])
    runs.run(job)
    spans = [s for e in history.events(job.run) if e["event"] == "spans" for s in e["spans"]]
    kinds = [(pool, what) for pool, _, what, *_ in spans]
    assert kinds.count(("generators", "move")) == kinds.count(("rewards", "score")) == 3
    assert kinds.count(("generators", "film")) == 1
    assert kinds[:2] == [("rewards", "load"), ("generators", "load")]
    assert all(0 <= decode <= seconds for *_, seconds, decode in spans)
    began = [s[3] for s in spans]
    assert began == sorted(began)


def test_the_executor_in_this_process_is_traced():
    from raysearch.config.settings import GeneratorConfig

    generator = GeneratorConfig(name="examples.clockwork:load", model="clockwork", steps=2, fps=8)
    assert isinstance(Inline(generator, [{"name": "motion"}]), Traced)
