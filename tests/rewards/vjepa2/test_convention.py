"""What a score means: frames that are seen, settings in full, presets that are pinned, and what is refused."""

import numpy as np
import pytest

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards.vjepa2.convention import CHECKPOINTS, PRESETS, Convention, settings


@pytest.mark.parametrize(
    "policy, count, fps, want",
    [
        ("all", 20, None, range(20)),
        ({"at_most": 49}, 20, None, range(20)),
        ({"at_most": 5}, 9, 8.0, [0, 2, 4, 6, 8]),
        ({"at_most": 4}, 12, None, [0, 3, 7, 11]),
        ({"fps": 8}, 13, 24.0, [0, 3, 6, 9, 12]),
        ({"fps": 10}, 13, 24.0, [0, 2, 5, 7, 10, 12]),
        ({"fps": 24}, 5, 24.0, range(5)),
        ({"fps": 8}, 5, 8.0, range(5)),
        ({"fps": 7}, 8, 10.0, [0, 1, 3, 4, 6]),
        ("all", 4, None, range(4)),
    ],
    ids=str,
)
def test_which_frames_are_seen(policy, count, fps, want):
    by = Convention(window=4, context=2, frames=policy)
    assert by.select(count, fps).tolist() == list(want)


def test_at_most_is_what_the_published_program_takes():
    """Restated: 49 indices of a linspace over the file, cut to integers."""
    for count in (49, 50, 120, 240, 241):
        want = [int(k * (count - 1) / 48 + 1e-9) for k in range(49)]
        assert Convention(frames={"at_most": 49}).select(count).tolist() == want


def test_a_rate_that_cannot_be_had():
    by = Convention(window=4, context=2, frames={"fps": 16})
    with pytest.raises(UsageError, match=r"reward\.frames=\{fps: 16\} needs the frame rate"):
        by.select(20)
    with pytest.raises(UsageError, match="only 8 frames per second"):
        by.select(20, 8.0)
    with pytest.raises(
        UsageError, match=r"20 frames, of which 3 are seen \(reward\.frames\), fewer than reward\.window=4"
    ):
        Convention(window=4, context=2, frames={"fps": 2}).select(20, 16.0)


@pytest.mark.parametrize(
    "count, window, stride, want", [(49, 16, 8, 5), (120, 16, 8, 14), (16, 16, 8, 1), (81, 16, 4, 17)]
)
def test_windows_as_published(count, window, stride, want):
    starts = Convention(window=window, stride=stride).starts(count)
    assert len(starts) == want and starts[-1] + window <= count


def test_settings_are_told_in_full_without_loading():
    found = settings("vitg", dtype="bfloat16", frames={"at_most": 49})
    assert found["model"] == CHECKPOINTS["vitg"] == "facebook/vjepa2-vitg-fpc64-256"
    want = {**PRESETS["wmreward"], "context": [8], "frames": {"at_most": 49}, "dtype": "bfloat16", "batch": None}
    assert {k: found[k] for k in want} == want
    assert settings()["context"] == [4, 6, 8]
    again = Convention.of(found)
    assert again.options() == {k: found[k] for k in again.options()}


def test_a_preset_by_name_is_pinned():
    assert settings("vitl", "wmreward", stride=8, context=[8])["stride"] == 8
    with pytest.raises(UsageError, match=r"reward\.stride=4: reward\.preset=wmreward is pinned to stride=8"):
        settings("vitl", "wmreward", stride=4)
    assert settings("vitl", stride=4)["stride"] == 4


@pytest.mark.parametrize(
    "options, told",
    [
        ({"distance": "l1", "cosine": "tokens"}, "means nothing with"),
        ({"distance": "l2"}, r"reward\.distance: 'l2' is unknown; did you mean 'l1'"),
        ({"resize": "pad"}, r"reward\.resize: 'pad' is unknown"),
        ({"frames": "some"}, r"reward\.frames='some': give all,"),
        ({"frames": {"at_most": 4.5}}, "give all,"),
        ({"frames": {"fps": 0}}, "give all,"),
        ({"frames": {"fps": 8, "at_most": 4}}, "give all,"),
        ({"frames": {"rate": 8}}, "give all,"),
        ({"dtype": "bf16"}, "did you mean 'bfloat16'"),
        ({"attention": "flsh"}, "did you mean 'flash'"),
        ({"batch": 0}, r"reward\.batch=0"),
        ({"strid": 4}, "did you mean 'stride'"),
        ({"preset": "wmrewrd"}, "did you mean 'wmreward'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused_before_anything_is_loaded(options, told):
    with pytest.raises(UsageError, match=told):
        rewards.check({"name": "vjepa2", **options})


def test_settings_that_contradict_each_other():
    for options, told in (
        ({"window": 8, "context": 8}, "context=8: must be shorter than reward.window=8"),
        ({"window": 8, "context": (2, 9)}, "must be shorter"),
        ({"worst": 0.5}, "worst=0.5: below 1 it needs"),
    ):
        with pytest.raises(UsageError, match=told):
            Convention(**options)
    assert Convention(worst=0.5, distance="l1").worst == Convention(worst=0.5, cosine="features").worst
    for v, fits in ((2, True), (6, True), (5, False), (1, False)):
        by = Convention(window=v + 2 - v % 2 + 2, context=v)
        if fits:
            by.check_tubelet(2)
        else:
            with pytest.raises(UsageError, match=rf"reward\.context={v}: must be a positive multiple"):
                by.check_tubelet(2)
    with pytest.raises(UsageError, match=r"reward\.window=9"):
        Convention(window=9, context=2).check_tubelet(2)
    with pytest.raises(UsageError, match="means nothing with"):
        settings("vitl", distance="l1", cosine="tokens")
    assert settings("vitl", stride=4)["stride"] == 4 and settings("vitl")["stride"] == 8
    assert settings()["stride"] == 1 and settings()["context"] == [4, 6, 8] and settings("vitl")["context"] == [8]


def test_a_clip_too_short_is_known_before_it_is_made():
    rewards.fits({"name": "vjepa2"}, 17, 8.0)
    rewards.fits({"name": "motion"}, 1, None)
    with pytest.raises(UsageError, match="15 frames, fewer"):
        rewards.fits({"name": "vjepa2"}, 15, 8.0)
    with pytest.raises(UsageError, match="only 8 frames per second"):
        rewards.fits({"name": "vjepa2", "frames": {"fps": 24}}, 17, 8.0)


def test_settings_hold_numpy_free_values():
    assert all(not isinstance(v, np.generic) for v in settings().values())
