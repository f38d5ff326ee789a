"""The rows of videos of a challenge."""

from raysearch.evals.physics_iq.challenge import gallery, scenes
from raysearch.evals.physics_iq.layout import View
from tests.report.case import FILM, Page


def test_the_gallery_shows_four_videos_of_each_scene_with_their_scores():
    view = View(7, "trimmed-drop.mp4", "perspective-left", prompt="a ball drops")
    films = dict.fromkeys(("real", "base", "chosen", "masks"), FILM)
    parts = {"spatial": 10.0, "spatiotemporal": 20.0, "weighted_spatial": 30.0, "mse": 40.0}
    found = [scenes.Scene(view, 25.0, 20.0, parts, films)]
    shown = Page(str(gallery.gallery(found, "smc", {"base": 0, "smc": 1})))
    assert [v["aria-label"].split(",")[0] for v in shown.all("video")] == ["Real", "base", "smc", "Motion masks"]
    for text in ("gains +5.0 points", "25.0 %", "20.0 %", "spatiotemporal IoU 20.0 %", "drop"):
        assert text in shown.words, text
    assert gallery.gallery([], "smc", {}) is None
