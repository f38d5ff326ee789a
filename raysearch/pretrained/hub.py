"""Small files of models on the Hugging Face Hub, with what the hub answers in plain words and what to do about it.

A model is asked for here first, before a library that repeats refused requests is let near it: a refusal is one line
after one request, and a machine without a network is told so in seconds. Importing this loads no other library.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from raysearch.errors import UsageError

PATIENCE_S = 5.0  # for the first answer of the hub
PASSING = (429, 500, 502, 503, 504)  # refusals in which a file that has been fetched before serves
TOKEN = "put a token into HF_TOKEN on every machine that loads it, or run `hf auth login` there"


@lru_cache(maxsize=256)
def fetch(model: str, name: str, key: str, revision: str | None = None, optional: bool = False) -> Path | None:
    """A file of a model, from the cache of this machine or from the hub.

    Args:
        model: a hub id, owner/name.
        name: the path of the file in the repository.
        key: the key of the job that names the model; messages begin with it.
        revision: a branch, tag or commit.
        optional: whether the file may be absent.

    Returns:
        Where the file is; None if it is optional and absent.

    Raises:
        UsageError: naming why the hub does not give it, and the remedy.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        try:
            # One request, because the download repeats those that are refused.
            get_hf_file_metadata(hf_hub_url(model, name, revision=revision), timeout=PATIENCE_S)
        except Exception as error:
            here = fetched(model, name, revision)
            if here is None or (isinstance(error, HfHubHTTPError) and _status(error) not in PASSING):
                raise
            return here
        return Path(hf_hub_download(model, name, revision=revision, etag_timeout=PATIENCE_S))
    except Exception as error:  # of the hub's client or of what it sends its requests with
        absent = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        if optional and absent:
            return None
        raise UsageError(f"{key}={model!r}: {_reason(error, model, name, revision)}") from None


def fetched(model: str, name: str, revision: str | None = None) -> Path | None:
    """The file if this machine has fetched it before; the hub is not asked."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(model, name, revision=revision)
    except (HFValidationError, ValueError):
        return None
    return Path(path) if isinstance(path, str) else None


def _reason(error: Exception, model: str, name: str, revision: str | None) -> str:
    """Why the hub does not give a file, and what to do."""
    from huggingface_hub import errors

    status = _status(error)
    if isinstance(error, errors.HFValidationError):
        return "no folder of that name, and no hub id, which has the form owner/name"
    if isinstance(error, errors.GatedRepoError):
        return f"it is gated; ask for access at https://huggingface.co/{model}, then {TOKEN}{_told(error)}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"the hub has no revision {revision!r} of it; give a branch, a tag or a commit that its page lists"
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return f"the hub holds no {name} in it, so it is no model of this kind; check the id"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            "no folder of that name, and the hub has no such model, or none that is open to you; check the spelling "
            f"and, for a private model, {TOKEN}"
        )
    if status in (401, 403):
        return f"the hub refuses access ({status}); check that the token may read it and {TOKEN}{_told(error)}"
    if status == 429:
        return f"the hub takes no more requests for now (429, rate limit); wait some minutes, or {TOKEN}"
    if status:
        return f"the hub answers with status {status}; try again later, or give a folder with the model"
    return (
        f"no folder of that name, and the hub cannot be reached ({_cause(error)}); fetch the model where there is a "
        f"network (hf download {model}), or give its folder"
    )


def _status(error: BaseException | None) -> int:
    """The HTTP status of an error or of what caused it; 0 where nothing answered."""
    while error is not None:
        if status := getattr(getattr(error, "response", None), "status_code", 0):
            return int(status)
        error = error.__cause__
    return 0


def _cause(error: BaseException) -> str:
    """The innermost reason, short."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    while error.__cause__ is not None and not isinstance(error, OfflineModeIsEnabled):
        error = error.__cause__
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    return " ".join(str(error).split())[:100] or type(error).__name__


def _told(error: Exception) -> str:
    """What the hub itself says, in brackets."""
    said = " ".join(str(getattr(error, "server_message", None) or "").split())[:160]
    return f" (the hub: {said})" if said else ""
