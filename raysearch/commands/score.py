"""`raysearch score`."""

from __future__ import annotations

import argparse
import glob
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg")


def add(command) -> None:
    sub = command("score", score, "score video files with V-JEPA 2: how plausible is the motion",
                  epilog="examples:\n  raysearch score runs/demo/best --map maps/\n"
                         "  raysearch score a.mp4 b.mp4 --set model=vitg dtype=bfloat16 frames.at_most=49")  # fmt: skip
    sub.add_argument("videos", nargs="*", default=[], metavar="VIDEO",
                     help="mp4 or anything ffmpeg reads; a folder stands for its videos, a quoted pattern for its "
                          "matches")  # fmt: skip
    sub.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="key=value",
                     help="settings of the reward: model, dtype, preset, window, context, stride, distance, cosine, "
                          "worst, reduce, frames, resize, attention, batch, compile")  # fmt: skip
    sub.add_argument("--map", metavar="OUT",
                     help="write the video with its surprise as a heat map: OUT.mp4 for one video, OUT-NAME.mp4 for "
                          "each of several, OUT/NAME.mp4 if OUT is a folder or ends in /")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print JSON, with all settings, instead of a table")


def score(args: argparse.Namespace) -> int:
    from raysearch import config, rewards
    from raysearch.fingerprints import rewards_fingerprint

    words = [word for word in args.overrides if "=" in word]
    given = [*args.videos, *(word for word in args.overrides if "=" not in word)]  # --set takes what stands behind it
    if not given:
        raise UsageError("no video is named; give files or folders, e.g. raysearch score runs/demo/best")
    options = {"name": "vjepa2", **config.overrides(words)}
    if options["name"] != "vjepa2":
        raise UsageError(f"name={options['name']}: score goes by vjepa2 alone; in a job, watch takes any reward")
    rewards.check(options)
    paths = files(given)
    outs = destinations(paths, args.map) if args.map else []
    from raysearch import devices  # after the checks, for it loads torch

    reward: Any = rewards.load(options, devices.best())
    table, errors, maps = [], [], []
    for k, path in enumerate(paths):
        progress(f"{k + 1}/{len(paths)} {path}")
        try:
            row, surprise_map = judged(path, reward, bool(args.map))
        except UsageError as error:
            told = str(error)
            errors.append({"video": path, "error": told if path in told else f"{path}: {told}"})
            continue
        table.append(row)
        maps.append(surprise_map)
    progress("")
    if args.map and table:
        kept = {row["video"] for row in table}
        written = [out for path, out in zip(paths, outs, strict=True) if path in kept]
        draw(table, maps, written)
    if args.json:
        settings = {**reward.settings(), "weights": rewards_fingerprint([options])}
        print(json.dumps({"settings": settings, "videos": table, "errors": errors}, indent=1))
    elif table:
        show(table)
    for failed in errors:
        print(f"raysearch: {failed['error']}", file=sys.stderr)
    return 2 if errors else 0


def judged(path: str, reward: Any, with_map: bool) -> tuple[dict[str, Any], Any]:
    """A row of the table, and the surprise map if wanted. Raises UsageError for a file that cannot be scored."""
    from raysearch import videos

    clip = videos.read(path)
    if len(clip.frames) < 0.9 * clip.promised:
        raise UsageError(f"the file is cut short: {len(clip.frames)} of its {clip.promised} frames can be read")
    note = "variable frame rate" if clip.uneven else ""
    if note and "fps" in reward.convention.frames:
        raise UsageError(f"{note}: reward.frames.fps needs an even one; re-encode the file, or use frames=all")
    found = None
    if with_map:
        scores, found = reward.score_with_map(clip.frames, clip.fps)
    else:
        scores = reward.score(clip.frames, fps=clip.fps)
    row = {"video": path, "frames": len(clip.frames), "fps": clip.fps, "reward": scores.value, **scores.details}
    return row | ({"note": note} if note else {}), found


def show(table: list[dict[str, Any]]) -> None:
    """Best first; the window at which the surprise is highest beside it."""
    width = max(len(row["video"]) for row in table)
    print(f"{'video':<{width}}  frames    fps  surprise   reward  highest in window")
    for row in sorted(table, key=lambda r: -r["reward"]):
        windows = [v for k, v in row.items() if k.startswith("surprise_")]
        worst = max(range(len(windows)), key=windows.__getitem__)
        print(
            f"{row['video']:<{width}}  {row['frames']:>6} {row['fps']:6.4g}  {1 - row['reward']:8.4f} "
            f"{row['reward']:8.4f}  {worst + 1} of {len(windows)}: {windows[worst]:.4f}"
            + (f"  ({row['note']})" if "note" in row else "")
        )


def draw(table: list[dict[str, Any]], maps: list[Any], outs: list[Path]) -> None:
    """The heat maps, on one scale, each as a video of its own."""
    from raysearch import videos
    from raysearch.rewards import heat

    scale = heat.span(maps)
    for row, found, out in zip(table, maps, outs, strict=True):
        progress(f"drawing {out}")
        frames = heat.overlay(videos.decode(row["video"])[0], found, scale)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(videos.encode(frames, row["fps"] or 8, enlarge=False))
        row["map"] = str(out)
    progress("")
    where = outs[0] if len(outs) == 1 else f"{len(outs)} videos on one scale, {outs[0]} and so on"
    print(f"heat maps: {where}", file=sys.stderr)


def files(words: Sequence[str]) -> list[str]:
    """Every file once, in order. Raises UsageError for a folder or pattern without videos; files may be missing."""
    found: list[str] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            matches = sorted(str(p) for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        elif not path.exists() and glob.has_magic(word):
            matches = sorted(p for p in glob.glob(word, recursive=True) if Path(p).is_file())
        else:
            matches = [word]
        if not matches:
            raise UsageError(f"{word}: no videos there (looked for {', '.join(SUFFIXES)})")
        found += matches
    return list(dict.fromkeys(found))


def destinations(paths: Sequence[str], to: str) -> list[Path]:
    """Where each map goes; names that would meet get a number."""
    target, folder = Path(to), to.endswith("/") or Path(to).is_dir()
    if not folder and target.suffix.lower() != ".mp4":
        raise UsageError(f"--map {to}: give a name that ends in .mp4, or a folder with a / at its end")
    if len(paths) == 1 and not folder:
        return [target]
    made: list[Path] = []
    for path in paths:
        stem = Path(path).stem
        names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(paths) + 1))
        options = (target / f"{n}.mp4" if folder else target.with_name(f"{target.stem}-{n}.mp4") for n in names)
        made.append(next(o for o in options if o not in made))
    return made


def progress(text: str) -> None:
    """One line on a terminal, replaced by the next; nothing where standard error is a file."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
