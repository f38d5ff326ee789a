"""What annotations cannot say of a job, checked before anything is loaded: each error names key, value and remedy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from raysearch.config.settings import GeneratorConfig, Job
from raysearch.errors import UsageError

LONGEST_NAME = 255  # bytes of the name of a file or folder


def check(job: Job, elsewhere: bool = False) -> None:
    """Raise UsageError for what can be known to be wrong without loading anything.

    Args:
        job: typed, with bounds checked.
        elsewhere: it will run on another machine, whose folders and packages differ.
    """
    for key, model in (("generator.model", job.generator.model), ("reward.model", job.reward.get("model", "tiny"))):
        if not elsewhere or not isinstance(model, str) or is_relative(model):
            _folder_exists(key, model)
    if job.cluster.rewards.ranks > 1:
        raise UsageError(f"cluster.rewards.ranks={job.cluster.rewards.ranks}: only generators are split; leave it at 1")
    if not elsewhere:
        _storage_works(job.run)
        _can_be_written(job.run)
    model, of_diffusers = job.generator.model, job.generator.name == "diffusers"
    if of_diffusers and None in (job.generator.steps, job.generator.fps) and "/" not in model and not _is_folder(model):
        raise UsageError(
            f"generator.model={model!r}: no folder of that name, and a hub id has the form owner/name; `tiny` is the "
            "model that ships with raysearch"
        )
    if job.generator.steps is None:
        raise UsageError("generator.steps is not set; say how many denoising steps, e.g. generator.steps=50")
    if job.generator.fps is None:
        raise UsageError(
            "generator.fps is not set; say how many frames per second the model makes, e.g. generator.fps=16"
        )
    _check_generator(job.generator)
    for part in ("search", "reward"):
        if not isinstance(getattr(job, part).get("name"), str):
            raise UsageError(
                f"{part}.name is missing; say which, e.g. {part}: {{name: {getattr(Job(), part)['name']}}}"
            )
    for i, spec in enumerate(job.watch):
        if not isinstance(spec, dict) or "name" not in spec:
            raise UsageError(f"watch[{i}]={spec!r}: give a name of a reward, or a mapping with `name`")


def _check_generator(generator: GeneratorConfig) -> None:
    fps, steps, chunks, trust = generator.fps, generator.steps, generator.chunks, generator.trust_remote_code
    assert fps is not None and steps is not None
    if fps != round(fps):
        raise UsageError(
            f"generator.fps={fps:g}: films have a whole number of frames per second; set generator.fps={round(fps)}"
        )
    if steps % chunks and generator.name != "magi1":  # whose chunks overlap in time
        raise UsageError(
            f"generator.steps={steps}: not a multiple of generator.chunks={chunks}, which take the same number each"
        )
    if not isinstance(trust, bool):
        raise UsageError(
            f"generator.trust_remote_code={trust!r}: running code that a model brings takes the word true; else leave "
            "it out"
        )


def is_relative(folder: str) -> bool:
    """Whether a folder is one below the working directory."""
    return "://" not in folder and not folder.startswith(("/", "~"))


def expanded(key: str, folder: str) -> str:
    """A folder with `~` replaced by the home folder. Raises UsageError for that of a user who is not known."""
    full = os.path.expanduser(folder)
    if full.startswith("~"):
        raise UsageError(
            f"{key}={folder[:80]}: there is no such user; give a path, or ./~... for a folder of that name"
        )
    return full


def _folder_exists(key: str, model: Any) -> None:
    """A model that is plainly a path must be a folder; any other text may be a hub id."""
    if not isinstance(model, str):
        raise UsageError(f"{key}={model!r}: give `tiny`, a folder or a hub id")
    if any(len(part.encode(errors="replace")) > LONGEST_NAME for part in model.split("/")):
        raise UsageError(
            f"{key}={model[:60]!r}...: no folder or hub id has so long a name; give `tiny`, a folder or a hub id"
        )
    if not model or "\0" in model or (model.startswith((".", "/", "~")) and not _is_folder(model)):
        raise UsageError(f"{key}={model!r}: no such folder; give a folder or a hub id such as Lightricks/LTX-Video")


def _is_folder(path: str) -> bool:
    try:
        return Path(path).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, or ~ of a user that is not known
        return False


def _storage_works(run: str) -> None:
    if "://" not in run:
        return
    import fsspec

    try:
        fsspec.get_filesystem_class(run.partition("://")[0])
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"run={run}: this storage cannot be used ({reason}); pip install 'raysearch[cloud]'") from None


def _can_be_written(run: str) -> None:
    if "://" in run:
        return
    try:
        nearest = next(p for p in (Path(run).absolute(), *Path(run).absolute().parents) if p.exists())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"run={run[:80]!r}: no name for a folder ({reason}); give another, e.g. run=runs/mine"
        ) from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        what = "cannot be written to" if nearest.is_dir() else "is a file"
        raise UsageError(f"run={run}: {nearest} {what}; name another folder, e.g. run=runs/mine")
