"""Custom generators describe themselves and are checked before they are made."""

import pytest
import torch

from examples.clockwork import Clockwork
from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import custom, feasible
from raysearch.options import Count, NonNegative
from raysearch.prompts import Prompt

HERE = "tests.generators.test_custom"


def described(config: GeneratorConfig, device: str, numbers: Count = 16, seconds: NonNegative = 0.0) -> Clockwork:
    """Makes videos without a network.

    Args:
        config: the generator's settings.
        device: a device of torch.
        numbers: the size of a latent.
        seconds: how long a step takes.
    """
    return Clockwork(config.steps, 8.0, seconds, numbers)


described.takes = ("text", "image")


def plain(config, device):
    return Clockwork(config.steps, 8.0, **config.call)


def wrong(config, device):
    return plain(config, device)


wrong.takes = ("sound",)


def config(function: str, **call) -> GeneratorConfig:
    return GeneratorConfig(name=f"{HERE}:{function}", steps=4, fps=8, call=call)


def test_a_custom_generator_describes_itself():
    part, declared = custom.describe(f"{HERE}:described"), custom.pipeline_class(f"{HERE}:described")
    assert part.summary == declared.name == "Makes videos without a network."
    assert list(part.options) == ["numbers", "seconds"]
    assert part.options["numbers"].meaning == "the size of a latent."
    assert (declared.takes, declared.needs_frames, declared.tested) == (("text", "image"), False, False)


def test_its_options_reach_it():
    noise = torch.Generator().manual_seed(0)
    for function in ("described", "plain"):
        model = generators.load(config(function, numbers=24))
        assert model.on(Prompt("p", "a ball")).draw(noise).shape == (1, 24)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"number": 3}, r"generator.call: option of .*:described 'number' is unknown; did you mean 'numbers'"),
        ({"numbers": 0}, r"generator.call.numbers=0: give a whole number of at least 1"),
    ],
)
def test_options_are_checked_before_anything_is_made(call, message):
    with pytest.raises(UsageError, match=message):
        feasible.check(config("described", **call), [])
    feasible.check(config("plain", **call), [])  # which does not declare its options


def test_prompts_are_checked_if_it_says_what_it_takes():
    clip = Prompt("p", "a ball", scene="one_ball")
    with pytest.raises(UsageError, match=r"'p' has 5 conditioning frames, but .*:described takes text and image, one"):
        feasible.check(config("described"), [clip])
    feasible.check(config("plain"), [clip])
    with pytest.raises(UsageError, match=r"takes='sound' is none of text, image, frames"):
        feasible.check(config("wrong"), [])


@pytest.mark.parametrize("name", ["nowhere:load", f"{HERE}:lode", ":load"])
def test_a_function_that_cannot_be_imported(name):
    with pytest.raises(UsageError, match=r"generator.name=.*; give `diffusers`, or package.module:function"):
        generators.load(GeneratorConfig(name=name))
