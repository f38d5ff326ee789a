"""What a job may say of its prompts is typed like every other part."""

import pytest

from raysearch import config
from raysearch.errors import UsageError


def test_variants_are_a_list_of_texts():
    item = {"text": "a ball", "variants": ["two balls"]}
    assert config.typed({"prompts": {"items": [item]}}, "test").prompts.items == [item]
    with pytest.raises(UsageError, match=r"prompts.items\[0\].variants: give a list"):
        config.typed({"prompts": {"items": [{"text": "a", "variants": "b"}]}}, "test")
