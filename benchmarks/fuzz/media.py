"""Videos and images, broken or peculiar, each read in a fork: `python -m benchmarks.fuzz.media --count 300 --seed 0`.

Every file is read in all ways that the package has: whole, at another rate, without pixels, as stored, by its header.
What can be known of a file is compared with what is read: the size and number of frames that it says it shows, that a
file of which a good part was cut off is not read as if it were whole, and that all ways agree. Damage that decodes to
other pixels cannot be told from a correct reading.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from PIL import Image

from benchmarks.fuzz.forks import Ended, Way, single, ways
from benchmarks.fuzz.table import SHARE, Table, command, sampled
from examples.media import CONTAINERS, ramp, save, trimmed, turned
from raysearch import videos
from raysearch.errors import UsageError
from raysearch.videos import process

LIMIT_S = 200.0  # three times the decoder's own
FRAMES, RATE, SIZE = 24, 24, (64, 48)
IMAGES = ("png", "jpeg", "webp", "tiff", "gif", "bmp")
DAMAGE = ("bytes", "cut", "boxes", "extension")
WRONG = 9  # exit code
ENDLESS = "ts"  # says neither how long it is nor where it ends
SLANTED = (0.7071, 0.7071, -0.7071, 0.7071)
MATRICES = ((1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, 1), SLANTED)


@dataclass(frozen=True)
class Case:
    """A file. image: how it is read; shown: frames, height and width, None where not known; refuse: it must be; least:
    frames that are read at least, if any are."""

    kind: str
    path: Path
    image: bool = False
    shown: tuple[int, int, int] | None = None
    refuse: bool = False
    least: int = 1


class Wrong(Exception):
    """Something other was read than the file says."""


def damaged(data: bytes, kind: str, dice: random.Random) -> bytes:
    """The file with bytes changed, its end cut off, or two parts of it swapped."""
    if kind == "bytes":
        changed = bytearray(data)
        for _ in range(dice.choice((1, 10, 100))):
            changed[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(changed)
    if kind == "cut":
        return data[: dice.randrange(len(data))]
    if kind == "boxes":
        a, b = sorted(dice.sample(range(len(data)), 2))
        return data[:a] + data[b:] + data[a:b]
    return data


@cache
def sound(name: str) -> bytes:
    """A whole file: a video in a container, or an image."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sound.{name}"
        if name in CONTAINERS:
            save(path, ramp(FRAMES, SIZE), RATE)
        else:
            Image.fromarray(ramp(2, SIZE)[1]).save(path)
        return path.read_bytes()


def broken(folder: Path, k: int, dice: random.Random) -> Case:
    """A sound file, damaged or under another name."""
    kind, names = DAMAGE[k % len(DAMAGE)], sorted({*CONTAINERS, *IMAGES})
    name = dice.choice(names)
    data, image = damaged(sound(name), kind, dice), name in IMAGES and not (name == "gif" and dice.random() < 0.5)
    path = folder / f"{k}.{dice.choice(names) if kind == 'extension' else name}"
    path.write_bytes(data)
    whole = kind == "extension" and not image
    least = 1 if image or kind != "cut" or name == ENDLESS else int(0.9 * FRAMES)
    return Case(kind, path, image, (FRAMES, *SIZE[::-1]) if whole else None, least=least)


def peculiar_video(path: Path, dice: random.Random) -> Case:
    """A file of H.264 that says how it is to be shown."""
    rate, count = dice.choice((8, 24, 25, 60)), dice.randrange(8, 40)
    ratio = dice.choice((None, None, Fraction(4, 3), Fraction(1, 2), Fraction(9)))
    trc, matrix = dice.choice((None, None, None, 1, 8, 16, 18)), dice.choice(MATRICES)
    deep = dice.random() < 0.3
    save(path, ramp(count, SIZE), rate, ratio=ratio, form="yuv420p10le" if deep else None,
         tags={"color_trc": trc} if trc else None)  # fmt: skip
    turned(path, matrix)
    if dice.random() < 0.4:
        hidden = dice.randrange(1, count // 2)
        trimmed(path, hidden / rate, (count - hidden) / rate)
        count -= hidden
    width, height = SIZE
    wide, high = (max(1, ratio or 1), max(1, 1 / (ratio or 1)))
    size = round(height * high), round(width * wide)
    refuse = ratio == 9 or (trc or 1) > 2 or matrix == SLANTED
    return Case("said by a video", path, False, (count, *(size[::-1] if not matrix[0] else size)), refuse)


def peculiar_image(path: Path, dice: random.Random) -> Case:
    """An image of any mode, with an orientation."""
    mode, orientation = (
        dice.choice(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F")),
        dice.randrange(1, 9),
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = path.with_suffix(".tiff")
    Image.new(mode, SIZE).save(path, exif=exif)
    size = SIZE if orientation > 4 else SIZE[::-1]
    return Case("said by an image", path, True, (1, *size), mode == "F")


def check(case: Case) -> str:
    """Read a file in every way; says `right`, or why it is refused. Raises Wrong."""
    kind = "image" if case.image else "video"
    refusals, found = [], []
    for way in (videos.read, videos.scan):
        try:
            clip = way(case.path, kind)
            found.append((clip.count, clip.height, clip.width))
        except UsageError as error:
            refusals.append(str(error))
    if len(refusals) == 1 or len({*found}) > 1:
        raise Wrong(f"read and scan differ: {found} {refusals}")
    if not case.image:
        ways: tuple[Callable[[], object], ...] = (
            lambda: videos.read(case.path, fps=8),
            lambda: list(process.ask(case.path, "header", packets=True)),
            lambda: list(process.ask(case.path, "stored", form="rgb24", most=None)),
        )
        for more in ways:
            try:
                more()
            except UsageError as error:
                refusals.append(str(error))
    if any("\n" in line for line in refusals):
        raise Wrong(f"more than a line: {refusals}")
    if found and (case.refuse or found[0][0] < case.least or case.shown not in (None, found[0])):
        raise Wrong(f"{found[0]} was read, {'nothing' if case.refuse else case.shown or case.least} is right")
    if refusals and case.shown and not case.refuse:
        raise Wrong(f"refused, but whole: {refusals}")
    return refusals[0] if refusals else "right"


def read(words: list[str]) -> int:
    """The command `--only CASE`: reads a file that is described as JSON; prints what it says of it."""
    values = json.loads(words[-1])
    try:
        refusal = check(
            Case(**values | {"path": Path(values["path"]), "shown": values["shown"] and (*values["shown"],)})
        )
    except Wrong as wrong:
        print(wrong)
        return WRONG
    if refusal != "right":
        print(f"raysearch: {refusal}", file=sys.stderr)
    return 0 if refusal == "right" else 2


FORK, FRESH = ways("benchmarks.fuzz.media", lambda: read)


def judge(case: Case, folder: Path, way: Way | None = None) -> tuple[str, Ended]:
    """The verdict on a file, which another process reads, and how that ended."""
    ended = (way or FORK)(["--only", json.dumps(asdict(case), default=str)], folder, LIMIT_S)
    if ended.code == WRONG:
        return "silently wrong", ended
    return ended.fault or ("clear" if ended.code else "right"), ended


def fuzz(count: int, seed: int, share: float = SHARE) -> Table:
    """Judge so many files: two thirds damaged, the others peculiar."""
    dice, table = random.Random(seed), Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k in range(count):
            if k % 3:
                case = broken(folder, k, dice)
            else:
                case = (peculiar_video if k % 2 else peculiar_image)(folder / f"{k}.mp4", dice)
            first = judge(case, folder)
            table.add(case.kind, first[0], f"{case.path.name}: {case}: {first[1].said[-400:]}", shown=True)
            if sampled(seed, k, share):
                table.again(first, judge(case, folder, FRESH), str(case))
            case.path.unlink()
    return table


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        raise SystemExit(read(sys.argv[1:]))
    single()
    raise SystemExit(command(fuzz, __doc__ or "", {"count": 300}, "media"))
