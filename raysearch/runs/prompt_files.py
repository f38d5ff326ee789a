"""Prompts from a file: a list of texts, JSON lines, a table, or a folder of images and clips.

Invariant: the id of a prompt follows from what it says, not from where it stands, so that lines may move, come and go
without another run of what was there before.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.names import lookup
from raysearch.prompts import VIDEO_SUFFIXES

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MOST_BYTES = 2**28  # of a list of prompts
WORDS = 5  # words of a text that its id shows
MEANT = "give a .txt, .jsonl or .csv file, or a folder of images and clips"


def read(name: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The prompts of a file or folder, each as its keys and values, with an id.

    A .txt file has one text per line; empty lines and those that begin with # are left out. A .jsonl file has one text
    or object per line, a .csv file a header with the keys. Images and clips that they name lie beside the file. In a
    folder every image and clip is a prompt; the text of `a.mp4` stands in `a.txt`, if there is one.

    Args:
        name: path of the file or folder.
        keys: those that a prompt may have.

    Raises:
        UsageError: naming the file, the line and what is wrong there.
    """
    key, path = f"prompts.file={name}", Path(name)
    if path.is_dir():
        found = list(_folder(path, key))
    elif not path.is_file():
        raise UsageError(f"{key}: no such file or folder; {MEANT}")
    else:
        found = [_placed(prompt, where, path.parent, keys) for where, prompt in _lines(path, key)]
    if not found:
        raise UsageError(f"{key}: there is no prompt in it; {MEANT}")
    return [prompt if "id" in prompt else {**prompt, "id": identity(prompt)} for prompt in found]


def identity(prompt: dict[str, Any]) -> str:
    """An id that tells what a prompt is about: its first words, or the name of its file, and six hexadecimal digits."""
    media = prompt.get("image") or prompt.get("video") or ""
    words = re.findall(r"[a-z0-9]+", str(prompt.get("text") or Path(media).stem).lower())[:WORDS]
    says = {key: value for key, value in prompt.items() if key != "variants"}
    return "-".join([*words, digest(says)[:6]])[-60:]


def _lines(path: Path, key: str) -> Iterator[tuple[str, Any]]:
    """Each prompt of a list as it stands there, and the place for errors."""
    reader = lookup(f"{key}: kind of file", path.suffix.lower(), READERS, MEANT)
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{key}: larger than {MOST_BYTES >> 20} MiB, which is no list of prompts; {MEANT}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{key}: it cannot be read as UTF-8 text ({error})") from None
    for number, prompt in reader(text, key):
        yield f"{key}: line {number}", prompt


def _texts(text: str, key: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _objects(text: str, key: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{key}: line {number} is no JSON ({error}); give one object per line") from None


def _rows(text: str, key: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(
                    f"{key}: line {reader.line_num} has not {len(reader.fieldnames or ())} fields as the header has; "
                    "put a text with commas in double quotes"
                )
            yield reader.line_num, {k.strip(): v for k, v in row.items() if v.strip()}
    except csv.Error as error:
        raise UsageError(f"{key}: line {reader.line_num} is no line of a table ({error})") from None


READERS: dict[str, Callable[[str, str], Iterator[tuple[int, Any]]]] = {
    ".txt": _texts, ".jsonl": _objects, ".csv": _rows,
}  # fmt: skip


def _placed(prompt: Any, where: str, folder: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """A prompt with known keys, whose files lie beside the list."""
    if isinstance(prompt, str):
        prompt = {"text": prompt}
    if not isinstance(prompt, dict):
        raise UsageError(f"{where}: {prompt!r:.80}: give a text, or an object with {', '.join(keys)}")
    for name, value in prompt.items():
        lookup(f"{where}: key", name, dict.fromkeys(keys))
        if name == "variants":
            if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
                raise UsageError(f"{where}: variants={value!r:.80}: give a list of texts, in a .jsonl file")
        elif name not in ("scene_seed", "plan") and not isinstance(value, str):
            raise UsageError(f"{where}: {name}={value!r:.80}: give a text")
    seed = prompt.get("scene_seed", 0)
    if not re.fullmatch(r"\d{1,9}", str(seed)):
        raise UsageError(f"{where}: scene_seed={seed!r:.80}: give a whole number of at least 0")
    media = {k: str(folder / v) for k, v in prompt.items() if k in ("image", "video") and "://" not in v}
    return {**prompt, **media, **({"scene_seed": int(seed)} if "scene_seed" in prompt else {})}


def _folder(folder: Path, key: str) -> Iterator[dict[str, Any]]:
    """Every image and clip of a folder, by name."""
    taken: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        kind = {**dict.fromkeys(IMAGES, "image"), **dict.fromkeys(VIDEO_SUFFIXES, "video")}.get(path.suffix.lower())
        if kind is None or path.name.startswith("."):
            continue
        if (other := taken.setdefault(path.stem, path.name)) != path.name:
            raise UsageError(f"{key}: {other} and {path.name} would have the same id {path.stem!r}; rename one")
        beside = path.with_suffix(".txt")
        text = beside.read_text(encoding="utf-8-sig").strip() if beside.is_file() else ""
        yield {"id": path.stem, kind: str(path), **({"text": text} if text else {})}
