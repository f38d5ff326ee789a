"""Exported clips are what the official scorer takes; what does not fit is refused by name; and the card."""

import numpy as np
import pytest

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import clips, export


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


def noise(frames, size=(160, 304)):
    """Blocks of noise: enough for the encoder to look ahead."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(60, 190, (frames, size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    return blocks.repeat(8, 1).repeat(8, 2)


def test_the_same_frames_give_the_same_bytes():
    frames, waste, made, filmed = noise(40), [], set(), set()
    for k in range(4):
        made.add(export.clip(frames, 8, 0))
        filmed.add(videos.encode(frames, 8))
        waste.append(np.zeros(100_000 * (k + 1), np.uint8))  # other places in memory
    assert len(made) == len(filmed) == 1


def test_a_film_is_cut_without_another_conversion(tmp_path):
    """Cut from a lossless film: as near to its planes as one encoding, and nearer than by way of RGB."""
    film = tmp_path / "film.mp4"
    film.write_bytes(videos.encode(noise(45, (80, 144)), 8, quality=0, enlarge=False))
    export.write(export.cut(film, 5), tmp_path / "cut.mp4")
    assert clips.check(tmp_path / "cut.mp4").frames == 40

    def luma(path):
        return np.stack([f[: len(f) // 3 * 2].astype(int) for f in clips.planes(path)])

    wanted = luma(film)[5:]
    export.write(export.clip(videos.decode(film)[0], 8, 5), tmp_path / "rgb.mp4")
    off, by_rgb = (luma(tmp_path / n) - wanted for n in ("cut.mp4", "rgb.mp4"))
    assert abs(off.mean()) < 0.05 < abs(by_rgb.mean()) and np.abs(off).mean() < np.abs(by_rgb).mean()
    for how in export.ENLARGE:
        export.write(export.cut(film, 5, size=(160, 96), enlarge=how), tmp_path / "large.mp4")
        found = clips.check(tmp_path / "large.mp4")
        assert (found.width, found.height) == (160, 96)
    with pytest.raises(UsageError, match=r"film\.mp4: 45 frames, of which 6 are conditioning.*num_frames=46"):
        export.cut(film, 6)


def test_what_does_not_fit_is_named():
    with pytest.raises(UsageError, match=r"film\.mp4: 44 frames, of which 5 are conditioning.*num_frames=45"):
        export.clip(video(44), 8, 5, name="film.mp4")
    with pytest.raises(UsageError, match=r"film\.mp4: 23\.976 frames per second"):
        export.clip(video(200), 23.976, 0, name="film.mp4")
    with pytest.raises(UsageError, match="'lanczos' is unknown"):
        export.clip(video(50), 8, 0, enlarge="lanczos")
