"""The record of a run: every Outcome once, by the key of its Move, before anyone uses it. Resume is replay.

On disk: `manifest.json` (what the run is: fingerprints that must not change) and `outcomes/NNNNN-WRITER.jsonl`,
append-only segments of lines with a checksum each. A half-written or damaged line is reported and its Move computed
again. No two writers share a segment, so that one started twice by mistake loses nothing. Works on any fsspec path;
where a file system cannot append, the last, short segment is written again.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import fsspec

from raysearch.errors import UsageError
from raysearch.moves import Outcome

SEGMENT = 256  # records a file holds at most: what a file system without append has to rewrite
SHOWN = 4  # differences that a refusal tells
DERIVED = ("weights", "settings", "identity")  # of a manifest: hashes of all else, and defaults filled in


class Journal:
    """`outcomes` maps keys to recorded Outcomes; `damaged` counts the lines that could not be read."""

    def __init__(self, url: str, manifest: Mapping[str, Any]):
        self.url, self.outcomes, self.damaged, self._writes = url, dict[str, Outcome](), 0, True
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._appends = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))
        self._manifest, self._begun = manifest, self._same_run(manifest)
        known = self._fs.isdir(f"{self._root}/outcomes")
        files = sorted(self._fs.ls(f"{self._root}/outcomes", detail=False)) if known else []
        segments = [path for path in files if path.endswith(".jsonl")]
        for path in segments:
            self._read(path)
        self._segment, self._writer, self._lines = len(segments), secrets.token_hex(4), list[bytes]()

    @classmethod
    def forgetful(cls) -> Journal:
        """One that writes nothing, for runs that are only imagined."""
        made = cls.__new__(cls)
        made.url, made.outcomes, made.damaged, made._writes = "", {}, 0, False
        return made

    def record(self, outcome: Outcome) -> None:
        """Append; on return the record has been handed to the file system. The first record creates the folder."""
        self.outcomes[outcome.key] = outcome
        if not self._writes:
            return
        if not self._begun:
            self._begin()
        body = json.dumps(outcome.to_json(), sort_keys=True, allow_nan=False)
        line = f'{{"crc": {zlib.crc32(body.encode())}, "outcome": {body}}}\n'.encode()
        path = f"{self._root}/outcomes/{self._segment:05d}-{self._writer}.jsonl"
        self._lines.append(line)
        if self._appends:
            with self._fs.open(path, "ab") as file:
                file.write(line)
        else:
            self._fs.pipe_file(path, b"".join(self._lines))
        if len(self._lines) == SEGMENT:
            self._segment, self._lines = self._segment + 1, []

    def _read(self, path: str) -> None:
        for line in self._fs.cat_file(path).splitlines():
            try:
                record = json.loads(line)
                body = json.dumps(record["outcome"], sort_keys=True, allow_nan=False)
                if zlib.crc32(body.encode()) != record["crc"]:
                    raise ValueError("checksum")
                outcome = Outcome.from_json(record["outcome"])
            except (ValueError, KeyError, TypeError):
                self.damaged += 1
                continue
            self.outcomes[outcome.key] = outcome

    def _begin(self) -> None:
        """Claim the folder, if nobody has since this journal was opened: models take minutes to load."""
        self._fs.invalidate_cache(self._root)
        if not self._same_run(self._manifest):
            path, partial = f"{self._root}/manifest.json", f"{self._root}/manifest.{self._writer}.partial"
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(partial, json.dumps(self._manifest, indent=1, sort_keys=True).encode())
            self._fs.mv(partial, path)
        self._fs.makedirs(f"{self._root}/outcomes", exist_ok=True)
        self._begun = True

    def _same_run(self, manifest: Mapping[str, Any]) -> bool:
        """Whether the folder holds this run already; False if it holds none. Raises UsageError if it holds another."""
        path = f"{self._root}/manifest.json"
        if not self._fs.exists(path):
            return False
        try:
            found = json.loads(self._fs.cat_file(path))
        except ValueError:
            raise UsageError(f"{path} is damaged; remove the folder {self.url} or choose another run=") from None
        changed = list(_differences(found, json.loads(json.dumps(manifest))))
        if changed:
            told = "; ".join(f"{k} was {_short(old)}, now {_short(new)}" for k, old, new in changed[:SHOWN])
            more = f"; and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            raise UsageError(
                f"{self.url} holds another run: {told}{more}. Choose another run=, or restore the old settings"
            )
        return True


def _differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two manifests differ, by the keys of a job; what follows from those is told only where nothing else is.

    Parts of the same `identity` are the same, however they are said; an older folder has none, so all else must agree.
    """
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield key.removeprefix("rewards."), old, new
        return
    if "identity" in new and old.get("identity") == new["identity"]:
        return
    known = {*old, *new} if "identity" in old else {*old, *new} - {"identity"}
    causes = sorted(known)
    if any(k not in DERIVED and old.get(k) != new.get(k) for k in causes):
        causes = [k for k in causes if k not in DERIVED]
    for k in causes:
        yield from _differences(old.get(k), new.get(k), f"{key}.{k}" if key else k)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
