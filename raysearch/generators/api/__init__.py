"""A video model that is only an API: `generator: {name: api, endpoint: ..., model: ...}`, after OpenAI's videos API.

The shape is served by vllm-omni, sglang, FastVideo and LiteLLM. A video is one step, and the state is the file that
came back, so best_of_n, wording and the final choice work; what needs states in between, gradients or noise is refused
here, before anything is asked. Importing this loads no model library.
"""

from __future__ import annotations

from raysearch.config.settings import GeneratorConfig
from raysearch.generators.api.settings import NAME, check, check_search, check_spending
from raysearch.generators.contract import Model

__all__ = ["NAME", "check", "check_search", "check_spending", "load"]


def load(config: GeneratorConfig, device: str) -> Model:
    """A model behind an endpoint of OpenAI's videos API."""
    from raysearch.generators.api.model import ApiModel

    return ApiModel(config)


load.takes = ("text", "image")  # type: ignore[attr-defined]
load.check = check  # type: ignore[attr-defined]
