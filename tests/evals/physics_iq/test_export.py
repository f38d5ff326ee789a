"""Exported clips are what the official scorer takes; what does not fit is refused by name; and the card."""

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import clips, export, protocol


def video(frames, size=(48, 64)):
    ramp = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(ramp, (frames, *size, 3)).copy()


@pytest.mark.parametrize("fps", clips.RATES)
def test_conditioning_is_dropped_and_five_seconds_remain(tmp_path, fps):
    path = tmp_path / "0001_x.mp4"
    export.write(export.clip(video(5 * fps + 9), fps, 4), path)
    found = clips.check(path)
    assert (found.frames, found.fps, found.seconds, found.audio) == (5 * fps, fps, 5.0, False)
    first = next(iter(clips.frames(path)))
    assert abs(float(first.mean()) - 4) < 2
    assert not list(tmp_path.glob(".*"))


def test_odd_sizes_lose_a_line_and_enlarging_is_asked_for(tmp_path):
    for name, size, wanted in (("a", None, (62, 46)), ("b", (128, 96), (128, 96))):
        path = tmp_path / f"{name}.mp4"
        export.write(export.clip(video(41, (47, 63)), 8, 1, size=size), path)
        found = clips.check(path)
        assert (found.width, found.height) == wanted


def test_the_same_frames_give_the_same_bytes():
    assert export.clip(video(41), 8, 1) == export.clip(video(41), 8, 1)


def test_what_does_not_fit_is_named():
    with pytest.raises(UsageError, match=r"film\.mp4: 44 frames, of which 5 are conditioning.*num_frames=45"):
        export.clip(video(44), 8, 5, name="film.mp4")
    with pytest.raises(UsageError, match=r"film\.mp4: 23\.976 frames per second"):
        export.clip(video(200), 23.976, 0, name="film.mp4")
    with pytest.raises(UsageError, match="'lanczos' is unknown"):
        export.clip(video(50), 8, 0, enlarge="lanczos")


def test_the_card_refuses_a_name_that_cannot_be_an_id():
    facts = {"input_type": "i2v", "fps": 8, "resolution": "64x48", "n": 1, "method": "x", "descriptions": "op"}
    reported = {
        k: {"mean": 1.0, "std": None} for k in ("score", "spatial", "spatiotemporal", "weighted_spatial", "mse")
    }
    found = protocol.card({"org": "Lab", "id": "wan-2", "date": "2026-01-31"}, facts, reported | {"runs": 1}, {})
    assert found["run_id"] == "lab__wan-2__2026-01-31" and found["bon_sampling_method"] == "none"
    assert found["generation_gpu"] == protocol.TO_FILL and found["reported"]["score"] == {"mean": 1.0, "std": None}
    with pytest.raises(UsageError, match="submission id"):
        protocol.card({"org": "a lab", "id": "x", "date": "2026-01-31"}, facts, reported, {})
    assert protocol.run_name("wan", "op", 3) == "wan-op-run_03"
