"""The table below a cell of a notebook: one output, drawn anew. tests/report/test_notebook.py runs a real kernel."""

import pytest

from raysearch.observe import notebook
from tests.observe.case import Clock, Ticking, drive, searches


class Output:
    """What IPython gives for an output that can be drawn anew; without a kernel it gives none."""

    def __init__(self):
        self.drawn = []

    def update(self, html):
        self.drawn.append(html.data)


def test_this_process_is_no_notebook():
    assert not notebook.here()


def test_one_output_is_drawn_anew(tmp_path, monkeypatch):
    display = pytest.importorskip("IPython.display", reason="no IPython here")
    made = []
    monkeypatch.setattr(display, "display", lambda html, display_id: made.append(Output()) or made[-1])
    view = notebook.Notebook(2, clock=Clock())
    drive(tmp_path, Ticking(view.clock), searches(2, n=3), view)
    view.draw()
    (output,) = made
    assert len(output.drawn) > 3 and "2/2" in output.drawn[-1] and "searches" in output.drawn[-1]
