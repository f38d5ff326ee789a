"""What a generation starts from."""

from dataclasses import replace

import numpy as np
import pytest

from raysearch import config, storage, videos
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import layout
from raysearch.evals.physics_iq.challenge import conditioning, settings
from raysearch.evals.physics_iq.layout import DataSet, View

WORDS = ["generator.model=Wan-AI/Wan2.1-VACE-14B-diffusers", "generator.steps=4", "generator.fps=8",
         "generator.height=32", "generator.width=48", "generator.num_frames=57", "challenge.data=data"]  # fmt: skip


def job(folder, *words):
    return config.load("jobs/challenge_tiny.yaml", [*WORDS, f"run={folder}", *words], elsewhere=True)


@pytest.fixture
def view(tmp_path):
    """A view whose clip shows its frame numbers as grey levels, at another size and shape than the videos."""
    frames = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None] * 10, (24, 64, 64, 3))
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(videos.exact(frames, 8))
    return View(1, "trimmed-a.mp4", "perspective-left", conditioning=clip, prompt="a ball")


def test_the_end_of_a_clip_is_kept_at_the_size_of_the_videos_without_loss(tmp_path, view):
    of = job(tmp_path / "run", "challenge.condition_frames=5")
    item = conditioning.item(of, settings.read(of), view)
    frames, fps = videos.decode(item["video"])
    assert frames.shape == (5, 32, 48, 3) and fps == 8
    assert [int(f[16, 24, 0]) for f in frames] == [190, 200, 210, 220, 230]
    before = storage.read(item["video"])
    view.conditioning.write_bytes(b"not read again")
    with pytest.raises(UsageError):  # but its header is asked, which tells a clip that has gone
        conditioning.item(of, settings.read(of), view)
    assert storage.read(item["video"]) == before


def test_how_a_clip_gets_the_shape_of_the_videos_is_that_of_the_job(tmp_path, view):
    names = {}
    for fit in ("crop", "pad", "stretch"):
        of = job(tmp_path / "run", "challenge.condition_frames=5", f"generator.fit={fit}")
        names[fit] = conditioning.item(of, settings.read(of), view)["video"]
    assert len(set(names.values())) == 3
    padded, _ = videos.decode(names["pad"])
    assert padded[0, 16, 0, 0] == 0 and padded[0, 16, 24, 0] == 190  # black bars beside the square


def test_the_whole_clip_where_the_job_says_nothing(tmp_path, view):
    of = job(tmp_path / "run")
    assert conditioning.given(of, settings.read(of), view) == 24
    assert len(videos.decode(conditioning.item(of, settings.read(of), view)["video"])[0]) == 24
    same = job(tmp_path / "run", "generator.height=64", "generator.width=64")
    assert conditioning.item(same, settings.read(same), view)["video"] == str(view.conditioning)


def test_frames_are_counted_without_the_data(tmp_path):
    of = job(tmp_path / "run")
    options = settings.read(of)
    absent = layout.expected("data", 8, {}).views[0]
    assert conditioning.given(of, options, absent) == 24
    assert conditioning.drop(of, replace(options, condition_frames=9), absent) == 9
    assert conditioning.drop(of, replace(options, track="i2v"), absent) == 1
    assert conditioning.drop(of, replace(options, drop=3), absent) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generator.num_frames=57"], "needs 40, after 24 of conditioning; set generator.num_frames=64"),
        (["generator.num_frames=55", "challenge.condition_frames=17"], "of which WanVACEPipeline makes 53"),
        (["generator.model=Wan-AI/Wan2.1-T2V-14B-Diffusers"], "WanPipeline takes text alone"),
    ],
)
def test_what_cannot_be_is_refused_before_the_model_or_the_data_is_here(tmp_path, words, message):
    of = job(tmp_path / "run", *words)
    with pytest.raises(UsageError, match=message):
        conditioning.check(of, settings.read(of), layout.expected("data", 8, {}))


def test_frames_that_are_rounded_up_are_told(tmp_path):
    of = job(tmp_path / "run", "generator.num_frames=64")
    told = "generator.num_frames=64: 65 will be made: WanVACEPipeline makes 4k + 1 frames"
    assert conditioning.check(of, settings.read(of), layout.expected("data", 8, {})) == [told]


def test_a_clip_shorter_than_what_is_to_be_given_is_refused(tmp_path, view):
    of = job(tmp_path / "run", "challenge.condition_frames=25")
    with pytest.raises(UsageError, match=r"condition_frames=25: .*clip\.mp4 has 24 frames"):
        conditioning.items(of, settings.read(of), [view])


def test_an_image_is_the_switch_frame(tmp_path):
    of = job(tmp_path / "run", "challenge.track=i2v")
    view = View(7, "trimmed-a.mp4", "perspective-left", switch=tmp_path / "a.jpg", prompt="a ball")
    assert conditioning.items(of, settings.read(of), [view]) == [
        {"id": "0007", "text": "a ball", "image": str(tmp_path / "a.jpg")}
    ]
    assert DataSet(tmp_path, 8, False, (view,)).scenarios == ("trimmed-a.mp4",)
