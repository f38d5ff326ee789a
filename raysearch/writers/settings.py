"""How a job says who words its prompts anew, `prompts.rewrite`: checked before anything is asked or loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from annotated_types import Ge, Le

from raysearch import options as checking
from raysearch import web
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.options import Count, Natural, NonNegative
from raysearch.writers.templates import TEMPLATES

KEY = "prompts.rewrite"
Message = Mapping[str, Any]  # role and content; an endpoint also takes a list of texts and pictures as content


class Writer(Protocol):
    """Answers messages with a text.

    Attributes:
        together: how many requests it may be given at a time.
    """

    together: int

    def write(self, messages: list[Message], seed: int) -> str:
        """The whole text of the answer. Raises UsageError if there is none."""
        ...


@dataclass(frozen=True)
class Rewriting:
    """How prompts are worded anew.

    Attributes:
        model: the name of the model at an endpoint; a local one is named by `with`.
        n: variants of each prompt.
        template: instruction for the writer, by name or as a text with {text} in it.
        seed: of the first variant of a prompt; the others count on.
        temperature: of the writer's sampling.
        max_tokens: of an answer at most.
        revision: of a hub id.
        dtype: of a local model.
        answers: folder or URL of the answers, which several runs may share; null for one within the run folder.
    """

    key: ClassVar[str] = KEY

    model: str | None = None
    n: Annotated[int, Ge(1), Le(256)] = 8
    template: str = "physics_iq"
    seed: Natural = 0
    temperature: NonNegative = 0.8
    max_tokens: Count = 1024
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    answers: str | None = None
    source: str = ""

    @property
    def remote(self) -> bool:
        """Whether the writer is an endpoint."""
        return "://" in self.source

    @property
    def about(self) -> dict[str, Any]:
        """What decides an answer beside messages and seed."""
        names = ("model",) if self.remote else ("revision", "dtype")
        return {"with": self.source} | {k: getattr(self, k) for k in (*names, "temperature", "max_tokens")}

    def messages(self, text: str) -> list[Message]:
        """What the writer is asked for a text."""
        instruction = TEMPLATES.get(self.template, self.template)
        return [{"role": "user", "content": instruction.replace("{text}", text)}]


def read(given: Mapping[str, Any]) -> Rewriting | None:
    """The job's `prompts.rewrite`, checked; None where it is empty.

    Raises:
        UsageError: for unknown keys and for values that cannot be meant.
    """
    if not given:
        return None
    source, rest = given.get("with"), {k: v for k, v in given.items() if k != "with"}
    if not isinstance(source, str) or not source:
        raise UsageError(f"{KEY}.with is missing: give a folder or hub id of a language model, or http://host:8000/v1")
    part = checking.describe(Rewriting, "rewrite", without=("source",))
    checking.check(part, rest, KEY)
    found = Rewriting(**rest, source=source)
    if "{text}" not in found.template:
        lookup(f"{KEY}.template: template", found.template, TEMPLATES, "or give an instruction with {text} in it")
    if not found.temperature and found.n > 1:
        raise UsageError(f"{KEY}.temperature=0: the {found.n} variants would all be the same; raise it, or set n: 1")
    if found.remote:
        web.check(f"{KEY}.with", source)
        if not found.model:
            raise UsageError(f"{KEY}.model is missing; say which model of {source} is to write")
    else:
        _check_local(found)
    return found


def _check_local(found: Rewriting) -> None:
    if found.model is not None:
        raise UsageError(
            f"{KEY}.model={found.model!r}: names the model of an endpoint; `with` names a local one itself"
        )
    plain = found.source.startswith((".", "/", "~"))
    if plain and not Path(found.source).expanduser().is_dir():
        raise UsageError(f"{KEY}.with={found.source!r}: no such folder")
    if not plain and "/" not in found.source and not Path(found.source).is_dir():
        raise UsageError(f"{KEY}.with={found.source!r}: no folder of that name, and a hub id has the form owner/name")
