"""The rows of videos, with the maps that a run has."""

import json

import numpy as np

from raysearch import videos
from raysearch.report import films, gallery, maps, read
from raysearch.rewards import SurpriseMap
from tests.report.case import Page, run_folder, search


def test_videos_have_their_shape_before_they_load(tmp_path, results):
    film = videos.encode(np.zeros((4, 16, 32, 3), np.uint8), 8.0, enlarge=False)
    root = run_folder(tmp_path / "run", [search("a", results[0])], film=film)
    assert gallery.shape(read(str(root))) == "--shape: 32 / 16"
    bare = read(str(run_folder(tmp_path / "bare", [search("a", results[0], films=False)])))
    assert gallery.shape(bare) is None


def test_maps_come_with_their_videos_and_the_button_only_with_maps(tmp_path, results):
    root = run_folder(tmp_path / "run", [search("a", results[0])])
    bare = Page(str(gallery.gallery(read(str(root)), films.LIMIT)))
    assert not [b for b in bare.all("button") if b.get("id") == "map"]
    for film in json.loads((root / "result.json").read_text())["searches"][0]["films"].values():
        target = root / maps.path_of(film)
        target.parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(0).uniform(0, 1, (4, 2, 2)).astype(np.float32)
        target.write_text(maps.to_json(SurpriseMap(values, (0, 4, 16, 8)), (4, 16, 16)))
    shown = Page(str(gallery.gallery(read(str(root)), films.LIMIT)))
    held = [json.loads(v["data-map"]) for v in shown.all("video") if "data-map" in v]
    assert len(held) == 2 and held[0]["box"] == [0.0, 0.25, 1.0, 0.5] and held[0]["t"] == 4
    assert [b for b in shown.all("button") if b.get("id") == "map"] and "first break" in shown.words
