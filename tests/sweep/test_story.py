"""The headline of a sweep."""

from raysearch.moves import Outcome, Result
from raysearch.sweep import story
from raysearch.sweep.page import SweepFacts, page
from raysearch.sweep.table import Cell, leading, rows
from tests.report.case import Page


def cells(gain, prompts=6):
    found = []
    for p in range(prompts):
        for n in (1, 4):
            finals = [Outcome(f"{p}{n}{i}", float(i), {"flicker": p + gain * i}) for i in range(n)]
            found.append(Cell(f"{n}/{p}", {"search.n": n}, "best_of_n", n, 0, f"p{p}", "vjepa2",
                              Result.of_best(finals), nfe=8 * n))  # fmt: skip
    return found


def told(found):
    measures, table = rows(found)
    return story.headline(table, leading(measures))


def test_it_names_the_best_point_and_its_paired_gain():
    text = told(cells(2.0))
    assert text.startswith(
        "best_of_n at N = 4 has the best mean flicker, 8.50: +3.00 [+3.00, +3.00] against one random"
    )
    assert "on 6 prompts" in text and "no clear" not in text
    assert told(cells(2.0, 2)).endswith("too few prompts to tell")
    assert "No point of the grid is better than one random draw" in told(cells(-2.0))
    assert told([]) == "No search of the grid has finished yet"


def test_the_page_has_intervals_searches_and_settings():
    found = cells(2.0)
    measures, table = rows(found)
    about = SweepFacts({"seed": 0, "search": {"name": "best_of_n"}}, "seed: 0\n", {"raysearch": "1"})
    shown = Page(page(found, measures, table, about))
    assert "+3.00 to +3.00" in shown.words and "search.name" in shown.words and "95 % interval" in shown.words
    assert {"table.csv", "sweep.json", "config.yaml"} <= {a["href"] for a in shown.all("a")}
    assert sum("searches" in t.get("class", "") for t in shown.all("table")) == 1
    assert len([t for t, _ in shown.tags if t == "tr"]) >= len(found)
