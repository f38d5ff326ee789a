"""`raysearch score`."""

from __future__ import annotations

import argparse
import glob
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raysearch.commands.declaring import Declare, say
from raysearch.errors import UsageError
from raysearch.moves import encode

OWN = ("video", "frames", "fps", "reward", "note", "map", "in_run")  # columns of a row that are not the reward's


_SCORE = """examples:
  raysearch score runs/demo/best --map maps/
  raysearch score a.mp4 b.mp4 --set model=vitg dtype=bfloat16 frames.at_most=49
  raysearch score --reward motion runs/demo/best
  raysearch score --reward vlm --set 'questions=[physics, text]' --text "a row of dominoes falls" 'clips/*.mp4'
  raysearch score --reward fuse --set 'parts=[{name: vjepa2}, {name: flicker, weight: 0.2}]' --json runs/demo/best

--set takes what `reward:` of a job takes; `raysearch rewards` lists the rewards, plug-ins included, and
`raysearch rewards NAME` what each option means. vjepa2 sees every file whole; other rewards see it as in a run,
squashed to the side they want. A file that cannot be scored is one line, and the exit code is then 2."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("score", score, "score video files with V-JEPA 2 (how plausible is the motion), or any other reward",
                  epilog=_SCORE)  # fmt: skip
    sub.add_argument("videos", nargs="*", default=[], metavar="VIDEO",
                     help="mp4 or anything ffmpeg reads; a folder stands for its videos, a quoted pattern for its "
                          "matches")  # fmt: skip
    sub.add_argument("--reward", metavar="NAME", help="the reward, a name of `raysearch rewards` (default: vjepa2)")
    sub.add_argument(
        "--set",
        nargs="*",
        default=[],
        dest="overrides",
        metavar="key=value",
        help="options of the reward, e.g. model=vitg; all words after --set that contain a =",
    )
    sub.add_argument("--text", metavar="TEXT", help="what the videos should show, for rewards that ask (vlm's text)")
    sub.add_argument(
        "--clip",
        metavar="FILE",
        help="the clip that the videos go on from, for rewards that compare (motion's relative)",
    )
    sub.add_argument("--map", metavar="OUT",
                     help="write the video with its surprise as a heat map (vjepa2): OUT.mp4 for one video, "
                          "OUT-NAME.mp4 for each of several, OUT/NAME.mp4 if OUT is a folder or ends in /")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print JSON, with all settings, instead of a table")


def score(args: argparse.Namespace) -> int:
    """Score video files with a reward. Exit code 2 if a file could not be scored."""
    say(f"looking at {', '.join(args.videos[:3]) or 'the options'}")
    from raysearch import rewards
    from raysearch.evals import files as of_files
    from raysearch.evals import films as film

    words = [word for word in args.overrides if "=" in word]
    given = [*args.videos, *(word for word in args.overrides if "=" not in word)]  # --set takes all words after it
    if not given:
        raise UsageError("no video is named; give files or folders, e.g. raysearch score runs/demo/best")
    options = chosen(args.reward, words)
    prompt = of_files.asked(options, args.text, args.clip)
    if args.map and not rewards.maps(options):
        able = ", ".join(rewards.able("maps"))
        raise UsageError(f"--map: {options['name']} does not tell where in a video; these do: {able}")
    paths = files(given)
    outs = destinations(paths, args.map) if args.map else []
    if not any(Path(path).is_file() for path in paths):
        raise UsageError(f"{paths[0]}: no such file" + f", nor any of {len(paths) - 1} others" * (len(paths) > 1))
    readable(paths)
    rewards.check_models(options)
    say(f"loading {options['name']}")
    from raysearch import devices  # after the checks, for it loads torch

    reward: Any = rewards.load(options, devices.best())
    table, errors, maps = [], [], []
    for k, path in enumerate(paths):
        progress(f"{k + 1}/{len(paths)} {path}")
        try:
            row, surprise_map = of_files.judged(path, reward, options, prompt, bool(args.map))
        except UsageError as error:
            text = str(error)
            errors.append({"video": path, "error": text if path in text else f"{path}: {text}"})
            continue
        table.append(row)
        maps.append(surprise_map)
    progress("")
    if args.map and table:
        kept = {row["video"] for row in table}
        written = [out for path, out in zip(paths, outs, strict=True) if path in kept]
        draw(table, maps, written)
    film.compare(table, options)
    if args.json:
        found = {"settings": settings(options, reward, args), "videos": table, "errors": errors}
        print(json.dumps(encode(found), indent=1, allow_nan=False))
    elif table:
        show(table, options)
        if told := film.difference(table):
            print(told)
    for failed in errors:
        print(f"raysearch: {failed['error']}", file=sys.stderr)
    return 2 if errors else 0


def chosen(name: str | None, words: Sequence[str]) -> dict[str, Any]:
    """The checked options of the reward, by --reward and --set. Raises UsageError for what cannot be."""
    from raysearch import config, rewards

    options = config.overrides(words)
    if name and options.setdefault("name", name) != name:
        raise UsageError(f"--reward {name} and --set name={options['name']}: say one of them")
    options = {"name": "vjepa2", **options}
    rewards.check(options)
    return options


def settings(options: Mapping[str, Any], reward: Any, args: argparse.Namespace) -> dict[str, Any]:
    """All that the scores depend on, but the videos."""
    from raysearch import rewards
    from raysearch.runs.fingerprints import rewards_fingerprint

    known = {**rewards.settings(options), **reward.loaded}
    asked = {key: value for key in ("text", "clip") if (value := getattr(args, key))}
    return {**known, **asked, "weights": rewards_fingerprint([options])}


def show(table: list[dict[str, Any]], options: Mapping[str, Any]) -> None:
    """Print the table: best first, NaN last, with the window of the highest surprise, or the details of the reward."""
    from raysearch.rewards import registry

    width = max(len(row["video"]) for row in table)
    windowed = all("surprise_0" in row for row in table)
    columns = [] if windowed else list(dict.fromkeys(k for row in table for k in row if k not in OWN and shown(k)))
    if options["name"] != "vjepa2":
        print(f"{options['name']}: {registry.find(options['name']).part.summary}")
    print(f"{'video':<{width}}  frames    fps  {'surprise  ' * windowed} reward"
          + "".join(f"  {name:>9}" for name in columns) + "  highest in window" * windowed)  # fmt: skip
    for row in sorted(table, key=lambda r: (math.isnan(r["reward"]), -r["reward"])):
        line = f"{row['video']:<{width}}  {row['frames']:>6} {row['fps']:6.4g}  "
        if windowed:
            windows = [v for k, v in row.items() if k.startswith("surprise_")]
            worst = max(range(len(windows)), key=windows.__getitem__)
            line += f"{1 - row['reward']:8.4f} {row['reward']:8.4f}"
            line += f"  {worst + 1} of {len(windows)}: {windows[worst]:.4f}"
        else:
            line += f"{row['reward']:7.4f}"
            line += "".join(f"  {f'{row[k]:.4f}' if k in row else '-':>{max(9, len(k))}}" for k in columns)
        print(line + (f"  ({row['note']})" if "note" in row else ""))


def shown(detail: str) -> bool:
    """Whether a detail has a column: not those of single windows, which are many."""
    return not re.search(r"(^|\.)(surprise|frame)_\d+$", detail)


def draw(table: list[dict[str, Any]], maps: list[Any], outs: list[Path]) -> None:
    """Write the heat maps as videos, all on one scale."""
    from raysearch import videos
    from raysearch.rewards.vjepa2 import heat

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
    from raysearch.prompts import VIDEO_SUFFIXES

    found: list[str] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            matches = sorted(str(p) for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
        elif not path.exists() and glob.has_magic(word):
            matches = sorted(p for p in glob.glob(word, recursive=True) if Path(p).is_file())
        else:
            matches = [word]
        if not matches:
            raise UsageError(f"{word}: no videos there (looked for {', '.join(VIDEO_SUFFIXES)})")
        found += matches
    return list(dict.fromkeys(found))


def readable(paths: Sequence[str]) -> None:
    """Raise UsageError if no file is a video, by their headers: there is nothing to load a model for."""
    from raysearch import videos

    first: UsageError | None = None
    for path in paths:
        try:
            videos.facts(path)
            return
        except UsageError as error:
            first = first or error
    if first is not None:
        text = str(first)
        raise UsageError(text if paths[0] in text else f"{paths[0]}: {text}")


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
