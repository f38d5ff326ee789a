"""What writers were asked and answered: one file an answer, written before it is used, so that nobody is asked twice.

A file holds the messages, the writer, the seed, the whole answer and the wording taken from it. Its name follows from
what was asked. One that is damaged counts as absent.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.prompts import Prompt
from raysearch.writers.settings import KEY, Message, Rewriting, Writer
from raysearch.writers.templates import wording

FOLDER = "wordings"
Asked = tuple[str, list[Message], int]  # its name, what is asked, with which seed


def complete(rewriting: Rewriting, prompts: Sequence[Prompt], folder: str, make: Callable[[], Writer]) -> int:
    """Ask for every wording that is not recorded yet.

    Args:
        rewriting: how.
        prompts: those with a text are worded anew.
        folder: of the answers.
        make: the writer, made only if something is missing.

    Returns:
        The number of requests.

    Raises:
        UsageError: as the writer does; what was answered until then stays recorded.
    """
    due = {asked[0]: (prompt, asked) for prompt in prompts for asked in _asked(rewriting, prompt)}
    missing = [found for name, found in due.items() if _read(folder, name) is None]
    if not missing:
        return 0
    writer = make()

    def one(prompt: Prompt, asked: Asked) -> None:
        name, messages, seed = asked
        answer = writer.write(messages, seed)
        about = {
            "prompt": prompt.id, "text": prompt.text, "writer": rewriting.about, "template": rewriting.template,
            "messages": messages, "seed": seed, "answer": answer, "wording": wording(answer),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }  # fmt: skip
        storage.write(f"{folder}/{name}.json", json.dumps(about, indent=1) + "\n")

    with ThreadPoolExecutor(writer.together) as pool:
        futures = [pool.submit(one, *found) for found in missing]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return len(missing)


def worded(rewriting: Rewriting, prompts: Sequence[Prompt], folder: str) -> tuple[list[Prompt], list[str]] | None:
    """The prompts with what was recorded as further variants, and what is to be told; None while answers are missing.

    Wordings that are empty or the same as another one of their prompt are left out.

    Raises:
        UsageError: if no prompt has got a variant.
    """
    found, said = list[Prompt](), list[str]()
    for prompt in prompts:
        texts = [_read(folder, name) for name, _, _ in _asked(rewriting, prompt)]
        if None in texts:
            return None
        new = [t for t in dict.fromkeys(texts) if t and t not in (prompt.text, *prompt.variants)]
        if len(new) < len(texts):
            said.append(
                f"prompt {prompt.id!r}: {len(texts) - len(new)} of {len(texts)} wordings were empty or the same as "
                "another, and are left out"
            )
        found.append(replace(prompt, variants=(*prompt.variants, *new)))
    if all(not prompt.variants for prompt in found):
        raise UsageError(f"{KEY}.with={rewriting.source}: it gave no new wording of any prompt; see {folder}")
    return found, said


def _asked(rewriting: Rewriting, prompt: Prompt) -> Iterator[Asked]:
    if not prompt.text:
        return
    messages = rewriting.messages(prompt.text)
    for seed in range(rewriting.seed, rewriting.seed + rewriting.n):
        yield digest([rewriting.about, [dict(m) for m in messages], seed]), messages, seed


def _read(folder: str, name: str) -> str | None:
    """The recorded wording of this name; None if there is none."""
    try:
        about: dict[str, Any] = json.loads(storage.read(f"{folder}/{name}.json"))
        text = about["wording"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return text if isinstance(text, str) else None
