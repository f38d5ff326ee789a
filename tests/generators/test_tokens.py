"""Wordings that a text encoder would cut are told, with the model's own tokenizer and the limit of its pipeline."""

from __future__ import annotations

import inspect

import pytest

from raysearch import config
from raysearch.generators import families
from raysearch.generators.tokens import cut, limit
from raysearch.prompts import Prompt


def tiny(**call):
    return config.typed({"generator": {"call": call}}, "test").generator


def test_the_shipped_model_tells_wordings_of_more_than_its_tokens():
    prompts = [Prompt("a", "a ball", variants=("two balls", "a ball and two balls fall")), Prompt("b", "two balls")]
    assert limit(tiny()) == 4
    assert cut(tiny(), prompts) == [
        "prompt 'a': its variants[1] has 7 tokens, of which the encoder is given 4"
    ]  # the end of the text is a token too
    assert cut(tiny(max_sequence_length=7), prompts) == []
    many = [Prompt(f"p{k}", "a ball and two balls fall") for k in range(5)]
    said = cut(tiny(), many)
    assert len(said) == 4 and "its text has 7 tokens" in said[0] and said[-1] == "2 more wordings are cut"


def test_models_that_are_not_here_say_nothing():
    assert cut(config.typed({"generator": {"model": "a/b", "steps": 2, "fps": 8}}, "test").generator,
               [Prompt("a", "a ball " * 600)]) == []  # fmt: skip


@pytest.mark.parametrize("name", families.PIPELINES)
def test_every_family_declares_the_limit_of_its_pipeline(name):
    import diffusers

    parameter = inspect.signature(getattr(diffusers, name).__call__).parameters.get("max_sequence_length")
    assert families.PIPELINES[name].tokens == (parameter.default if parameter else 0)
