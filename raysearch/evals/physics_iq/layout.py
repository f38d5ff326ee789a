"""The layout of the data set on disk, original or Verified: which clips belong to which view, known from names alone.

    FOLDER/split-videos/{testing,conditioning}/{F}FPS/0001_testing-videos_{F}FPS_perspective-left_take-1_trimmed-X.mp4
    FOLDER/switch-frames/0001_switch-frames_anyFPS_perspective-left_trimmed-X.jpg
    FOLDER/video-masks/real/{F}FPS/0001_video-masks_{F}FPS_perspective-left_take-1_trimmed-X.mp4      (optional)

Take-1 numbers name generated files; take 2 shows how far reality itself varies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raysearch.errors import UsageError
from raysearch.evals.physics_iq.clips import SECONDS
from raysearch.evals.physics_iq.descriptions import described, official

STAND_IN = "stand-in.json"
SCENARIOS = 66  # of the data set, original and Verified
GIVEN_SECONDS = 3.0  # of a conditioning clip
VIEWS = ("perspective-left", "perspective-center", "perspective-right")
_NAME = re.compile(
    r"(?P<id>\d{4})_(?P<kind>[a-z-]+)_(?P<rate>\w+)FPS_(?P<view>perspective-\w+)(_take-(?P<take>[12]))?_(?P<scenario>[^_]+)"
)


@dataclass(frozen=True)
class View:
    """One camera of one scenario.

    Attributes:
        id: Number of the view, from 1.
        scenario: The official join key, `trimmed-NAME.mp4`.
        view: The camera, such as `perspective-left`.
        real: Test clips by take, 1 and 2.
        masks: Shipped motion masks by take, where there are any.
        conditioning: The clip before the test clip; None where there is none.
        switch: The frame at which the test clip begins; None where there is none.
        prompt: The text.
        category: The kind of physics; empty where it is not given.
    """

    id: int
    scenario: str
    view: str
    real: Mapping[int, Path] = field(default_factory=dict)
    masks: Mapping[int, Path] = field(default_factory=dict)
    conditioning: Path | None = None
    switch: Path | None = None
    prompt: str = ""
    category: str = ""

    @property
    def name(self) -> str:
        """Official name of the generated file."""
        return f"{self.id:04d}_{self.view}_{self.scenario}"


@dataclass(frozen=True)
class DataSet:
    """A data set at one frame rate.

    Attributes:
        folder: Its folder.
        fps: Frames per second.
        verified: Whether it is the Verified variant.
        views: The views of take 1, in order.
        seconds: Length of a test clip; 5, and less in the stand-in.
    """

    folder: Path
    fps: int
    verified: bool
    views: tuple[View, ...]
    seconds: float = SECONDS

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The names of the scenarios, each once, in the order of their first views."""
        return tuple(dict.fromkeys(v.scenario for v in self.views))


def read(folder: str | Path, fps: int, descriptions: str | Path | None = None, verified: bool | None = None) -> DataSet:
    """Read the layout of a data set.

    Args:
        folder: The folder with `split-videos` in it.
        fps: Frames per second of the clips to use.
        descriptions: CSV of prompts and categories; by default the one beside the data.
        verified: Whether it is the Verified variant; by default, whether its name says so.

    Returns:
        The data set.

    Raises:
        UsageError: A take is missing, a number is given twice, or names contradict each other.
    """
    root = Path(folder)
    testing = root / "split-videos" / "testing" / f"{fps}FPS"
    if not testing.is_dir():
        raise UsageError(f"{testing}: no such folder; give the folder of the data set, with split-videos/testing in it")
    clips = _clips(testing, ".mp4", "testing-videos")
    masks = _clips(root / "video-masks" / "real" / f"{fps}FPS", ".mp4", "video-masks")
    given = _clips(root / "split-videos" / "conditioning" / f"{fps}FPS", ".mp4", "conditioning-videos")
    switch = _clips(root / "switch-frames", ".jpg", "switch-frames")
    texts = described(official(root) if descriptions is None else Path(descriptions))
    views = []
    for (scenario, view, take), (number, path) in sorted(clips.items(), key=lambda c: c[1]):
        if take != 1:
            continue
        if (scenario, view, 2) not in clips:
            raise UsageError(f"{path}: has no take 2 beside it; the score needs both takes of every view")
        name = f"{number:04d}_{view}_{scenario}"
        if texts and name not in texts:
            raise UsageError(f"{path}: the descriptions have no row with generated_video_name {name}")
        text, category = texts.get(name, ("", ""))
        real, mask = (
            {k: t[(scenario, view, k)][1] for k in (1, 2) if (scenario, view, k) in t} for t in (clips, masks)
        )
        start, still = (t[scenario, view, 1][1] if (scenario, view, 1) in t else None for t in (given, switch))
        views.append(View(number, scenario, view, real, mask, start, still, text, category))
    _complete(views, testing)
    is_verified = "verified" in root.name.lower() if verified is None else verified
    return DataSet(root, fps, is_verified, tuple(views), seconds(root))


def expected(folder: str | Path, fps: int, texts: Mapping[str, tuple[str, str]]) -> DataSet:
    """The data set as it is published, without its files: to count by where they are not here.

    Args:
        folder: Where it will be.
        fps: Frames per second of the clips to use.
        texts: (prompt, category) by name of the generated file, as `described` gives them; {} for none, and scenarios
            then have numbers for names.
    """
    names = [re.fullmatch(r"(\d{4})_(perspective-\w+)_(\S+)", name) for name in sorted(texts)]
    known = [(int(n[1]), n[2], n[3]) for n in names if n is not None]
    every = known or [(k + 1, VIEWS[k % 3], f"scenario-{k // 3 + 1:02d}.mp4") for k in range(3 * SCENARIOS)]
    views = (View(number, scenario, view, prompt=texts.get(f"{number:04d}_{view}_{scenario}", ("", ""))[0])
             for number, view, scenario in every)  # fmt: skip
    return DataSet(Path(folder), fps, "verified" in Path(folder).name.lower(), tuple(views))


def seconds(root: str | Path) -> float:
    """Duration of a test clip in seconds; the stand-in has a file that says it."""
    path = Path(root) / STAND_IN
    return float(json.loads(path.read_text())["seconds"]) if path.is_file() else SECONDS


def numbered(folder: Path, views: tuple[View, ...], partial: bool = False) -> dict[int, Path]:
    """Generated clips by number: one NNNN_anything.mp4 for each view, and nothing else.

    Args:
        folder: The folder of the clips.
        views: The views of the data set.
        partial: Accept that some are missing.

    Returns:
        Paths by the number of the view.

    Raises:
        UsageError: A file is missing, given twice, or belongs to no view; the message names it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; give a folder of generated clips, 0001_*.mp4 and so on")
    found: dict[int, Path] = {}
    known = {v.id: v for v in views}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        match = re.fullmatch(r"(\d{4})_.*\.mp4", path.name)
        if match is None or int(match[1]) not in known:
            raise UsageError(f"{path}: not a clip of this data set; the folder may hold only NNNN_*.mp4 of take 1")
        if (number := int(match[1])) in found:
            raise UsageError(f"{path}: number {number:04d} is there twice, also as {found[number].name}; remove one")
        found[number] = path
    missing = [v for v in views if v.id not in found]
    if missing and not (partial and found):
        raise UsageError(
            f"{folder / missing[0].name}: missing, one of {len(missing)} clips that are not there; generate them, "
            "or use --partial to score what is there"
        )
    return found


def _clips(folder: Path, suffix: str, kind: str) -> dict[tuple[str, str, int], tuple[int, Path]]:
    """(number, path) by scenario, view and take. A folder that is not there holds none."""
    found: dict[tuple[str, str, int], tuple[int, Path]] = {}
    numbers: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith("."):
            continue
        match = _NAME.fullmatch(path.stem)
        if match is None or path.suffix != suffix or match["kind"] != kind or match["view"] not in VIEWS:
            raise UsageError(f"{path}: not a name of the data set, NNNN_{kind}_*_perspective-*_trimmed-*{suffix}")
        number = int(match["id"])
        if number in numbers:
            raise UsageError(f"{path}: number {number:04d} is there twice, also as {numbers[number].name}")
        numbers[number] = path
        key = match["scenario"] + ".mp4", match["view"], int(match["take"] or 1)
        if key in found:
            raise UsageError(f"{path}: the same take as {found[key][1].name}; remove one")
        found[key] = number, path
    return found


def _complete(views: list[View], folder: Path) -> None:
    seen = {(v.scenario, v.view) for v in views}
    for scenario in dict.fromkeys(v.scenario for v in views):
        for view in VIEWS:
            if (scenario, view) not in seen:
                raise UsageError(f"{folder}: {scenario} has no take 1 of {view}; the data set is not complete")
    if not views:
        raise UsageError(f"{folder}: holds no clips")
