"""Which wordings a text encoder would cut: pipelines drop what is beyond their number of tokens, most without a word.

Counted with the model's own tokenizer before anything is loaded, where its tokenizer.json is on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.generators import families, model_files
from raysearch.pretrained import hub
from raysearch.prompts import Prompt

FILE = "tokenizer/tokenizer.json"
SHOWN = 3  # wordings that are told one by one


def limit(config: GeneratorConfig) -> int:
    """The most tokens of a text that the encoder is given; 0 where that is not known without loading the model."""
    given = config.pipeline_call().get("max_sequence_length")
    return given if isinstance(given, int) else families.of(model_files.pipeline_class(config)).tokens


def cut(config: GeneratorConfig, prompts: Iterable[Prompt]) -> list[str]:
    """A line for every wording that the encoder would cut, the first few of them.

    Args:
        config: the generator's settings.
        prompts: with their variants.
    """
    file = _file(config)
    if file is None or not (most := limit(config)):
        return []
    tokenizer, said = _tokenizer(str(file)), list[str]()
    for prompt in prompts:
        for k, text in enumerate((prompt.text, *prompt.variants)):
            if text and (count := len(tokenizer.encode(text).ids)) > most:
                which = f"its variants[{k - 1}]" if k else "its text"
                said.append(f"prompt {prompt.id!r}: {which} has {count} tokens, of which the encoder is given {most}")
    more = [f"{len(said) - SHOWN} more wordings are cut"] if len(said) > SHOWN else []
    return [*said[:SHOWN], *more]


def _file(config: GeneratorConfig) -> Path | None:
    """The tokenizer of the model, if it can be read without asking the hub."""
    if config.name != "diffusers" or not model_files.is_here(config):
        return None
    folder = model_files.folder(config)
    file = folder / FILE if folder.is_dir() else hub.fetched(config.model, FILE, config.revision)
    return file if file is not None and file.is_file() else None


@lru_cache(maxsize=4)
def _tokenizer(file: str) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
