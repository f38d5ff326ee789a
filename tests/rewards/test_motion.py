"""The amount of motion as a reward."""

import numpy as np
import pytest

from raysearch import prompts
from raysearch.errors import UsageError
from raysearch.rewards.motion import Motion
from tests.rewards.case import PLAIN, SCENE


def test_motion_as_a_multiple_of_the_clips():
    reward = Motion(relative=True)
    true = prompts.frames(SCENE)
    going_on = np.concatenate([true, true[::-1]])  # there and back: as much as was given, all the way
    frozen = np.concatenate([true, np.repeat(true[-1:], 12, 0)])
    assert 0.7 < reward.score(going_on, SCENE).value < 1.01
    assert reward.score(frozen, SCENE).value == 0 and reward.score(frozen, SCENE).details["given"] > 0.1
    assert Motion().score(frozen, SCENE).value > 0  # the given frames move: absolute motion is fooled
    large = frozen.repeat(2, 1).repeat(2, 2)
    assert reward.score(large, SCENE).details["given"] == pytest.approx(
        reward.score(frozen, SCENE).details["given"], rel=0.2
    )
    with pytest.raises(UsageError, match="prompt 'p' has no clip to compare with"):
        reward.score(frozen, PLAIN)
