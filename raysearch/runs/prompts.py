"""The prompts of a job: those it writes down, those of a file, and scenes of the tiny world."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.runs import prompt_files

UNGUIDED = "-unguided"  # what the id of a search without its guide ends with


def prompts(job: Job) -> list[Prompt]:
    """Every prompt of the job, checked.

    Raises:
        UsageError: if there is none, if two have the same id, and for unknown keys.
    """
    every = [*_written(job), *_listed(job), *_scenes(job)]
    if not every and job.challenge:
        raise UsageError("the job has no prompts but a challenge, which brings its own: `raysearch challenge` runs it")
    if not every:
        raise UsageError(
            "the job has no prompts; give prompts.items, prompts.file=prompts.txt, or prompts.heldout=4 for scenes of "
            "the tiny world"
        )
    ids = [p.id for p in every]
    if len(set(ids)) < len(ids):
        double = min(i for i in ids if ids.count(i) > 1)
        raise UsageError(f"prompts: the id {double!r} is given twice; ids name files and noise, so they must differ")
    _refuse_clashes(ids)
    for prompt in every:
        if prompt.scene is not None:
            lookup(f"prompt {prompt.id!r}: scene", prompt.scene, _kinds())
    return every


def _kinds() -> Mapping[str, str]:
    """The kinds of scenes of the tiny world, with a text for each."""
    from raysearch.tinyworld.physics import PROMPTS

    return PROMPTS


def _refuse_clashes(ids: list[str]) -> None:
    """Raise UsageError for ids that differ, but not as names of files or beside what a run adds to them."""
    known = {unicodedata.normalize("NFC", name): name for name in reversed(ids)}
    for name in ids:
        if (other := known[unicodedata.normalize("NFC", name)]) != name:
            raise UsageError(
                f"prompts: the ids {other!r} and {name!r} are the same letters in two encodings; ids name files, so "
                "give one of them another"
            )
        if name.removesuffix(UNGUIDED) != name and name.removesuffix(UNGUIDED) in known.values():
            raise UsageError(
                f"prompts: the id {name!r} is what the unguided search of {name.removesuffix(UNGUIDED)!r} is called; "
                "give one of them another"
            )


def _written(job: Job) -> list[Prompt]:
    known = dict.fromkeys(Prompt.__dataclass_fields__)
    written = []
    for i, item in enumerate(job.prompts.items):
        if isinstance(item, str):
            item = {"text": item}
        if not isinstance(item, Mapping):
            raise UsageError(f"prompts.items[{i}]={item!r}: give a text, or a mapping with text, image, video or scene")
        for key in item:
            lookup(f"prompts.items[{i}]: key", key, known)
        written.append(Prompt(**{"id": f"{i:04d}", **item}))
    return written


def _listed(job: Job) -> list[Prompt]:
    if job.prompts.file is None:
        return []
    return [Prompt(**prompt) for prompt in prompt_files.read(job.prompts.file, tuple(Prompt.__dataclass_fields__))]


def _scenes(job: Job) -> list[Prompt]:
    """Held-out scenes of the tiny world, the kinds in turn."""
    if not job.prompts.heldout:
        return []
    if not job.prompts.scenes:
        raise UsageError(f"prompts.scenes=[]: give kinds of scenes, e.g. prompts.scenes=[{','.join(_kinds())}]")
    scenes = []
    for k in range(job.prompts.heldout):
        scene, seed = job.prompts.scenes[k % len(job.prompts.scenes)], job.prompts.first + k
        text = lookup("prompts.scenes: scene", scene, _kinds())
        scenes.append(Prompt(f"{scene}-{seed:03d}", text, scene=scene, scene_seed=seed))
    return scenes
