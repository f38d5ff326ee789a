"""docs/cards.md is what the cards say."""

from pathlib import Path

from raysearch.cards import CARDS
from tests.cards.table import page, section


def test_the_committed_page_is_current():
    committed = Path(__file__).parents[2] / "docs" / "cards.md"
    assert committed.read_text() == page(), "make cards-page"


def test_a_choice_between_sources_is_said():
    text = section(CARDS["Wan-AI/Wan2.1-VACE-14B-diffusers"])
    assert (
        "| `scheduler.flow_shift` | 16.0 | official repository" in text and "hub folder: 3; chosen: the makers" in text
    )
    assert "also 720 x 1280" in text
