"""`raysearch calibrate`."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from raysearch.commands.declaring import Declare, add_json, print_json, say
from raysearch.commands.run import add_cluster
from raysearch.commands.score import progress

_TEXT = """examples:
  raysearch calibrate runs/demo                                   # a finished run, with films=all
  raysearch calibrate runs/demo --reward videomae --reward "{name: geometry, signal: speed_cv}"
  raysearch calibrate clips/ --truth scores.csv --reward vjepa2   # one subfolder for the candidates of each prompt
  raysearch calibrate clips/ --reward vjepa2                      # no truth: corruptions of your own clips
  raysearch calibrate jobs/demo.yaml prompts.heldout=24 --candidates 8

The verdict on each verifier is "ranks above chance", "no better than chance" or "too few to tell". A job is run without
selection into the folder RUN-calibrate, with its previews scored on the way. scores.csv has columns video and score,
optionally prompt, scene and text; --truth may also name a measurement of the run, with a minus where lower is better.
The page is calibration.html in the folder, with the same in calibration.json beside it."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command(
        "calibrate", calibrate, "measure whether verifiers rank the clips of your own generator", epilog=_TEXT
    )
    sub.add_argument("source", metavar="WHAT", help="a finished run, a folder of videos, or a job to run first")
    sub.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="settings that override the job")
    sub.add_argument("--reward", action="append", default=[], metavar="SPEC", dest="specs",
                     help="a verifier, as a job writes a reward, again for each (default: those of the run or vjepa2); "
                          "others are compared to the first")  # fmt: skip
    sub.add_argument("--truth", metavar="FILE|NAME", help="scores of the videos, or a measurement of the run")
    sub.add_argument("--clips", type=int, default=24,
                     help="clips whose corruptions are scored, 0 for none (default: %(default)s)")  # fmt: skip
    sub.add_argument("--candidates", type=int, default=8, help="of each prompt of a job (default: %(default)s)")
    sub.add_argument("--useful", type=float, default=0.3,
                     help="the smallest rank correlation that matters to you (default: %(default)s)")  # fmt: skip
    sub.add_argument("--no-twins", action="store_false", dest="twins",
                     help="do not also score with random weights, which doubles the time")  # fmt: skip
    sub.add_argument("--out", metavar="HTML", help="the page (default: calibration.html in the folder)")
    add_cluster(sub, "where to run a job: a cluster file (default: this machine)")
    add_json(sub)


def calibrate(args: argparse.Namespace) -> int:
    """Calibrate verifiers on a run, a folder or a job, print what follows and write the page."""
    say(f"checking {args.source}")
    from raysearch import rewards, storage
    from raysearch.errors import UsageError
    from raysearch.evals.calibrate import page, sources, study, words

    specs = [_spec(text) for text in args.specs]
    for name, low in (("clips", 0), ("candidates", 3)):
        if getattr(args, name) < low:
            raise UsageError(f"--{name} {getattr(args, name)}: give at least {low}")
    if not 0 < args.useful < 1:
        raise UsageError(f"--useful {args.useful:g}: give a correlation between 0 and 1")
    folder = args.source if Path(args.source).is_dir() else _run(args, specs)
    if Path(args.source).is_dir() and args.overrides:
        raise UsageError(f"{args.overrides[0]}: {args.source} is a folder; settings are for a job")
    source = sources.of(folder, args.truth)
    specs = specs or [dict(spec) for spec in source.recorded.values()] or [{"name": "vjepa2"}]
    for spec in specs:
        _suits(spec, source)
        rewards.check_models(spec)
    verifiers, notes = study.gather(source.groups, specs, source.recorded, args.clips, args.twins, progress)
    progress("")
    found = study.study(source.name, source.truth, source.groups, verifiers, source.previews,
                        [*source.notes, *notes], args.useful)  # fmt: skip
    out = Path(args.out or f"{folder}/calibration.html")
    values = out.with_suffix(".json")
    storage.write(str(values), json.dumps(found.to_json(), indent=1).encode())
    storage.write(str(out), page.page(found, {values.name: values.name}).encode())
    if args.json:
        print_json(found.to_json())
    else:
        print("\n".join(words.lines(found)))
        print(f"page: {out}")
    return 0


def _spec(text: str) -> dict[str, Any]:
    """A reward from its name or a mapping in YAML, checked."""
    from raysearch import config, rewards
    from raysearch.errors import UsageError

    value = config.overrides([f"reward={text}"])["reward"]
    spec = {"name": value} if isinstance(value, str) else value
    if not isinstance(spec, dict):
        raise UsageError(f"--reward {text}: give a name, or a mapping such as {{name: videomae, stride: 4}}")
    rewards.check(spec, "--reward")
    return spec


def _run(args: argparse.Namespace, specs: list[dict[str, Any]]) -> str:
    """Run the job that reads and selects nothing; its folder."""
    from raysearch import builtin, config, runs
    from raysearch.evals.calibrate import sources

    job = config.load(builtin.job(args.source), args.overrides, args.cluster)
    reading = sources.reading_job(job, args.candidates, specs)
    with redirect_stdout(sys.stderr) if args.json else nullcontext():
        ended = runs.run(reading)
    for end in ended:
        if end.error:
            print(f"raysearch: {end.task.name} failed: {end.error}", file=sys.stderr)
    return str(reading.run)


def _suits(spec: dict[str, Any], source: Any) -> None:
    """Raise UsageError where a verifier needs what the prompts of the source do not have."""
    from raysearch import rewards
    from raysearch.errors import UsageError

    if rewards.label(spec) in source.recorded:
        return
    for need, label in rewards.needs(spec).items():
        lacks = [g.prompt.id for g in source.groups if not _has(g.prompt, need)]
        if lacks:
            raise UsageError(f"{label} needs the {need} of every prompt, and {lacks[0]} has none; "
                             + ("give a column text in --truth" if need == "text" else "leave it out"))  # fmt: skip


def _has(prompt: Any, need: str) -> bool:
    from raysearch.evals.calibrate.clips import UNSAID

    given = {"text": prompt.text not in ("", UNSAID), "clip": prompt.video or prompt.scene, "scene": prompt.scene}
    return bool(given.get(need, True))
