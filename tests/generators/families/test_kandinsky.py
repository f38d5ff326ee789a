"""What Kandinsky 5 holds in its channels, and how few frames it makes."""

import pytest
import torch

from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.generators.families.kandinsky import hold_channels, hold_image
from tests.generators.test_families import image, index

__all__ = ["image"]


def test_the_channels_of_conditions_and_the_first_frame_stand_still():
    x, prepared = torch.zeros(1, 3, 2, 2, 9), torch.ones(1, 3, 2, 2, 9)
    assert hold_channels(x, prepared, [])[0, :, 0, 0].sum(0).tolist() == [0] * 4 + [3] * 5
    assert hold_image(x, prepared, [])[0, :, 0, 0].sum(0).tolist() == [1] * 4 + [3] * 5
    assert hold_channels(x[..., :4], prepared[..., :4], []).sum() == 0  # a network without conditions in channels


def test_kandinsky_needs_frames_to_take_statistics_from(tmp_path, image):
    config = index(tmp_path, "Kandinsky5I2VPipeline")
    with pytest.raises(UsageError, match=r"generator.num_frames=9: .* makes 17 frames or more"):
        feasible.check(config, [image])
    config.num_frames = 17
    feasible.check(config, [image])
