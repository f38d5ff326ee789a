"""The record of a run: every Outcome once, by the key of its Move, before anyone uses it. Resume is replay.

On disk: `manifest.json` (what the run is: fingerprints that must not change) and `outcomes/NNNNN-WRITER.jsonl`,
append-only segments of lines with a checksum each. A line says which models and rewards it comes from; one that is
damaged or comes from others is reported and its Move computed again, and so is one that another line contradicts. No
two writers share a segment, so that one started twice by mistake loses nothing. Works on any fsspec path; where a file
system cannot append, the last, short segment is written again.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from raysearch import storage
from raysearch.engine import segments
from raysearch.engine.lease import Lease
from raysearch.errors import UsageError
from raysearch.moves import Outcome, digest

FORMAT = "2"  # `raysearch` in the manifest. 1: a score was of the preview of the step before, so it is never mixed
SEGMENT = 256  # records a file holds at most: what a file system without append has to rewrite
VERSION = "raysearch"  # the entry of a manifest with the journal format
SHOWN = 4  # differences that a refusal tells
DERIVED = ("weights", "settings", "identity")  # of a manifest: hashes of all else, and defaults filled in


class Journal:
    """The recorded Outcomes of a run folder. Nothing is written before the first record.

    Attributes:
        url: the folder, a path or URL.
        outcomes: recorded Outcomes by key.
        damaged: lines that could not be used: unreadable, or from other models or rewards.
        disputed: keys of Outcomes that are absent because two lines differ on them.
    """

    def __init__(self, url: str, manifest: Mapping[str, Any]):
        """
        Args:
            url: the folder, a path or URL.
            manifest: what must not change within the folder.

        Raises:
            UsageError: if the folder holds another run, or Outcomes without a manifest.
        """
        self.url, self.outcomes, self.damaged, self.disputed = url, dict[str, Outcome](), 0, set[str]()
        self._writes, self._appends = True, storage.appends(storage.locate(url)[0])
        self._lease: Lease | None = None
        self._manifest, self._stamp = manifest, _stamp(manifest)
        self._begun = self._same_run()
        found = segments.paths(url)
        if found and not self._begun:
            raise UsageError(
                f"{url} holds outcomes, but no manifest.json that says which models and rewards they come from; "
                "restore it, or choose another run="
            )
        for path in found:
            self._read(path)
        self._names = [path.rsplit("/", 1)[-1] for path in found]
        self._segment, self._writer, self._lines = len(found), secrets.token_hex(4), list[bytes]()

    @classmethod
    @contextmanager
    def held(cls, url: str, manifest: Mapping[str, Any]) -> Iterator[Journal]:
        """The journal of a folder in which no other driver may work meanwhile; what interrupted ones left is removed.

        Raises:
            UsageError: as the constructor does; if another driver works there; if the folder cannot be written.
        """
        with Lease(url) as lease:
            storage.clean(url)
            journal = cls(url, manifest)
            journal._lease = lease
            yield journal

    @classmethod
    def forgetful(cls) -> Journal:
        """One that writes nothing, for runs that are only imagined."""
        made = cls.__new__(cls)
        made.url, made.outcomes, made.damaged, made.disputed, made._writes = "", {}, 0, set(), False
        return made

    def record(self, outcome: Outcome) -> None:
        """Append; on return the record has been handed to the file system. The first record creates the folder.

        Raises:
            UsageError: if it cannot be written, or another driver has taken the folder over.
        """
        if not self._writes:
            self.outcomes[outcome.key] = outcome
            return
        if self._lease is not None:
            self._lease.check()
        if not self._begun:
            self._begin()
        known = outcome.key in self.disputed or _contradicts(outcome, self.outcomes.get(outcome.key))
        self._append({"outcome": outcome.to_json(), "of": self._stamp} | ({"settles": True} if known else {}))
        self.outcomes[outcome.key] = outcome
        self.disputed.discard(outcome.key)

    def warnings(self) -> list[str]:
        """What of the record is left out, one line each."""
        told = []
        if self.damaged:
            told.append(
                f"{self.damaged} lines of the journal are damaged or come from other models or rewards, and are left "
                "out; their moves are computed again"
            )
        if self.disputed:
            told.append(f"{len(self.disputed)} moves have two outcomes in the journal; they are computed again")
        return told

    def _append(self, record: dict[str, Any]) -> None:
        body = json.dumps(record, sort_keys=True, allow_nan=False)
        line = f'{{"crc": {zlib.crc32(body.encode())}, {body[1:]}\n'.encode()
        name = f"{self._segment:05d}-{self._writer}.jsonl"
        path = f"{self.url}/outcomes/{name}"
        if self._appends:
            storage.append(path, line)
        else:
            if not self._lines:
                self._names.append(name)
                segments.name(self.url, self._names)
            storage.write(path, b"".join([*self._lines, line]))
        self._lines.append(line)
        if len(self._lines) == SEGMENT:
            self._segment, self._lines = self._segment + 1, []

    def _read(self, path: str) -> None:
        try:
            lines = storage.read(path).splitlines()
        except FileNotFoundError:
            return  # its writer was killed before the first line
        for line in lines:
            try:
                outcome, settles = self._parse(line)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self.damaged += 1
                continue
            if settles:
                self.disputed.discard(outcome.key)
                self.outcomes[outcome.key] = outcome
            elif _contradicts(outcome, self.outcomes.get(outcome.key)):
                del self.outcomes[outcome.key]
                self.disputed.add(outcome.key)
            elif outcome.key not in self.disputed and not _answers(self.outcomes.get(outcome.key), outcome):
                self.outcomes[outcome.key] = outcome

    def _parse(self, line: bytes) -> tuple[Outcome, bool]:
        """The Outcome of a line, and whether it was recorded to end a contradiction. Raises for one that is no use."""
        record = json.loads(line)
        checked = {k: v for k, v in record.items() if k != "crc"}
        if zlib.crc32(json.dumps(checked, sort_keys=True, allow_nan=False).encode()) != record["crc"]:
            raise ValueError("checksum")
        if record["of"] != self._stamp:
            raise ValueError("from other models or rewards")
        return Outcome.from_json(record["outcome"]), record.get("settles") is True

    def _begin(self) -> None:
        """Claim the folder, if nobody has since this journal was opened: models take minutes to load."""
        if not self._same_run():
            storage.write(f"{self.url}/manifest.json", json.dumps(self._manifest, indent=1, sort_keys=True))
        self._begun = True

    def _same_run(self) -> bool:
        """Whether the folder holds this run already; False if it holds none. Raises UsageError if it holds another."""
        path = f"{self.url}/manifest.json"
        try:
            found = dict(json.loads(storage.read(path)))
        except FileNotFoundError:
            return False
        except (ValueError, TypeError, RecursionError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{path} is damaged; remove the folder {self.url} or choose another run=") from None
        if (old := found.get(VERSION, "1")) != (new := self._manifest.get(VERSION, old)):
            raise UsageError(
                f"{self.url} is written in journal format {old} and this raysearch writes format {new}, whose rewards "
                "mean something else: choose another run=, or finish it with the release that began it (CHANGELOG.md)"
            )
        changed = list(_differences(found, json.loads(json.dumps(self._manifest))))
        if changed:
            told = "; ".join(f"{k} was {_short(old)}, now {_short(new)}" for k, old, new in changed[:SHOWN])
            more = f"; and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            raise UsageError(
                f"{self.url} holds another run: {told}{more}. Choose another run=, or restore the old settings"
            )
        return True


def _stamp(manifest: Mapping[str, Any]) -> str:
    """What a line says of its origin: a hash of generator and rewards, the same however a job spells them."""
    parts = {k: v.get("identity", v) if isinstance(v, Mapping) else v for k, v in manifest.items()}
    return digest(json.loads(json.dumps(parts)))


def _answers(old: Outcome | None, new: Outcome) -> bool:
    """Whether a recorded Outcome says all that another one of its key says."""
    return old is not None and bool(old.rewards or not new.rewards)


def _contradicts(new: Outcome, old: Outcome | None) -> bool:
    """Whether two Outcomes of one key differ in what a search reads; one without a score may be scored later."""
    if old is None:
        return False
    one, other = new.to_json(), old.to_json()
    read = ["log_ratio"] if not (new.rewards and old.rewards) else ["log_ratio", "reward", "rewards"]
    return any(one[k] != other[k] for k in read)


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
