"""The first step of a pipeline that no family declares is held against the step of its own scheduler."""

import diffusers
import pytest
import torch

from raysearch.errors import UsageError
from raysearch.generators.diffusers import DiffusersModel
from tests.zoo.unlisted import latte

CALL = {"height": 16, "width": 16, "num_frames": 16, "clean_caption": False}


def first_step(pipeline, k=0):
    generator = DiffusersModel(pipeline, 4, 8, **CALL).given("a red ball", None, "p")
    with torch.no_grad():
        x = generator.draw(torch.Generator().manual_seed(0))
        x0 = generator.denoise(x, k, torch.Generator().manual_seed(0))
        return x, x0, generator.decode(x0, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scheduler", [None, "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"])
def test_a_probed_class_makes_a_video_with_schedulers_that_agree(scheduler):
    x, x0, video = first_step(latte(scheduler and getattr(diffusers, scheduler)()), 1)
    assert x.shape == x0.shape and torch.isfinite(x0).all() and video.shape == (16, 3, 16, 16)


def test_a_scheduler_that_ends_elsewhere_is_refused():
    with pytest.raises(UsageError, match="a step of its EulerAncestralDiscreteScheduler ends elsewhere than the ODE"):
        first_step(latte(diffusers.EulerAncestralDiscreteScheduler()))


@pytest.mark.parametrize("scheduler", ["PNDMScheduler", "LCMScheduler"])
def test_a_scheduler_without_noise_levels_is_refused(scheduler):
    with pytest.raises(UsageError, match=rf"its {scheduler} .* has no table of noise levels; take DDIM"):
        first_step(latte(getattr(diffusers, scheduler)()))


def test_a_scheduler_of_several_steps_per_time_is_refused():
    with pytest.raises(UsageError, match=r"generator.steps=4: HeunDiscreteScheduler makes 7 steps of them"):
        first_step(latte(diffusers.HeunDiscreteScheduler()))


def test_a_pipeline_that_steps_twice_is_refused():
    pipeline = latte()

    class TwiceStepping(type(pipeline)):
        """It steps its scheduler a second time where it decides whether to go on."""

        @property
        def interrupt(self):
            if (last := getattr(self, "last", None)) is not None and not self._interrupt:
                self.scheduler.step(last, self.scheduler.timesteps[0], last)
            return self._interrupt

    pipeline.last = torch.ones(1, 4, 16, 8, 8)
    pipeline.__class__ = TwiceStepping
    with pytest.raises(UsageError, match="a call took 2 steps of its scheduler"):
        first_step(pipeline)
