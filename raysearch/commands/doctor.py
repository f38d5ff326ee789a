"""`raysearch doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raysearch.commands.declaring import Declare, print_json, say

_DOCTOR = """examples:
  raysearch doctor tiny
  raysearch doctor Lightricks/LTX-Video-0.9.5 dtype=bfloat16 height=480 width=704 num_frames=97
  raysearch doctor models/skyreels chunks=2 num_frames=97 height=256 width=448 call.overlap_history=17
  raysearch doctor Wan-AI/Wan2.1-VACE-14B-diffusers --card height=720 width=1280    # loads nothing
  raysearch doctor models/wan-i2v --image first.png --json
  raysearch doctor magi-1/ckpt/magi/4.5B_base dtype=bfloat16 height=720 width=720 chunks=4 call.window=1
  raysearch doctor magi-1/ckpt/magi/4.5B_base dtype=bfloat16 --card   # what it is and takes; loads nothing
  raysearch doctor my_package.my_module:load steps=8 call.size=64     # a custom generator

key=value sets what `generator` in a job file sets. The exit code is 1 if a check failed."""


PROMPT_ID = "doctor"


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("doctor", doctor, "load a generator, try every kernel on it, and say what a search can do with it",
                  epilog=_DOCTOR)  # fmt: skip
    sub.add_argument("model", metavar="MODEL", help="folder, hub id, tiny, or package.module:function")
    sub.add_argument(
        "overrides", nargs="*", metavar="key=value", help="settings of the generator (steps is 4 by default)"
    )
    sub.add_argument("--text", default="", help="text of the prompt")
    sub.add_argument(
        "--image", metavar="FILE", help="image to condition on; noise if the model needs one and none is given"
    )
    sub.add_argument("--video", metavar="FILE", help="video to continue")
    sub.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    sub.add_argument("--no-gradients", action="store_true", help="do not try guides, which take far more memory")
    sub.add_argument("--card", action="store_true", help="print the settings beside those of the model's card, and end")
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")


def doctor(args: argparse.Namespace) -> int:
    """Examine a generator with a prompt and print what it can do. Exit code 1 if a check failed."""
    say(f"looking at {args.model}")
    from raysearch import config as configuration
    from raysearch.generators import feasible
    from raysearch.generators.magi1.folder import is_magi1
    from raysearch.prompts import Prompt

    given = configuration.overrides(args.overrides)
    given |= given.pop("generator", {})
    named = "name" if ":" in args.model and not Path(args.model).exists() else "model"
    if is_magi1(args.model):
        given = _magi1(given)
    if args.card:
        return _card({named: args.model, **given}, args.json)
    generator = {named: args.model, "fps": 16, **given}
    chunks = given.get("chunks", 1)
    generator.setdefault("steps", feasible.LEAST * (chunks if isinstance(chunks, int) else 1))
    job = configuration.typed({"generator": generator}, "the command line")
    job.generator = feasible.pin(job.generator)
    plain = args.image or args.video
    prompt = Prompt(PROMPT_ID, args.text or ("" if plain else "a ball"), args.image, args.video)
    length = feasible.length(job.generator)
    say("loading torch and the model")
    from raysearch import devices  # after the checks, for these load torch
    from raysearch.sampling import doctor as examination

    report = examination.examine(job.generator, prompt, args.device or devices.best(), not args.no_gradients)
    if length is not None:
        report["frames_asked"] = length.asked
    if args.json:
        print_json(report)
    else:
        print(text(report))
    return 1 if report["failures"] else 0


def _magi1(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of a folder of MAGI-1, with as few steps as the checks take where none are given."""
    from raysearch.generators.feasible import LEAST
    from raysearch.generators.magi1.stages import FPS, fewest

    chunks, call = given.get("chunks", 1), given.get("call")
    window = call.get("window", 4) if isinstance(call, dict) else 4
    known = isinstance(chunks, int) and chunks > 0 and window in (4, 2, 1)  # what is wrong is told by the checks
    steps = fewest(chunks, window, LEAST * chunks) if known else LEAST
    return {"name": "magi1", "fps": FPS, "height": 720, "width": 720, "steps": steps, **given}


def _card(given: dict[str, Any], as_json: bool) -> int:
    """Print what a job with these settings would use beside the card of the model. Exit code 1 without a card."""
    from raysearch import config as configuration
    from raysearch.config import by_card
    from raysearch.config.generator import GeneratorConfig
    from raysearch.errors import UsageError

    if given.get("name") == "magi1":
        from raysearch.generators import custom

        config = configuration.typed({"generator": given}, "the command line").generator
        custom.check(config, ())
        about = custom.about(config)
        if as_json:
            print_json(about)
        else:
            print(_aligned(list(about.items())))
        return 0
    card = by_card.card_of(GeneratorConfig(**{k: v for k, v in given.items() if k in ("name", "model", "card")}))
    if card is None:
        raise UsageError(
            f"no card is known for {given.get('model', given.get('name'))!r}; card=HUB_ID names the model it was made "
            "from, and docs/cards.md lists those that are known"
        )
    rows = by_card.rows(configuration.typed({"generator": given}, "the command line").generator, card)
    if as_json:
        print_json({row.key: {"job": row.job, "card": row.card, "source": row.stated.source} for row in rows})
        return 0
    table = [("setting", "job", "card", "source")]
    table += [(("* " if r.differs else "  ") + r.key, by_card.shown(r.job), by_card.shown(r.card),
               r.stated.source + (f" ({r.stated.others})" if r.stated.others else "")) for r in rows]  # fmt: skip
    table += [(f"  {key}", "", by_card.shown(said.value), said.source) for key, said in card.facts.items()]
    widths = [max(len(row[i]) for row in table) for i in range(3)]
    print(f"card of {card.name}, {card.pipeline}; * marks where the job differs")
    for row in table:
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(row, [*widths, 0], strict=True)).rstrip())
    return 0


def text(report: dict[str, Any]) -> str:
    """The report of an examination as aligned lines, name and finding, with one line for each failed check."""
    here = f"(here {report['conditioning_frames'] or 'no'} frames)"
    if report["own"]:
        lines = [("generator", f"{report['class']}, custom {here}")]
    else:
        lines = [
            ("pipeline", f"{report['class']}, {'in' if report['tested'] else 'not in'} the contract suite"),
            ("takes", f"{', '.join(report['takes'])} {here}"),
            ("revision", report["revision"] or "none: a folder"),
        ]
    lines += [
        *report.get("about", {}).items(),
        ("runs on", f"{report['device']}, {report['dtype']}"),
    ]
    if "latents" in report:
        lines.append(("latents", f"{_shape(report['latents'])}, {report['steps']} steps"))
    if "frames" in report:
        t, _, h, w = report["frames"]
        asked = report.get("frames_asked", t)
        lines.append(("video", f"{t} frames of {w} x {h}" + (f"; {asked} were asked for" if asked != t else "")))
    if "particle_bytes" in report:
        lines.append(("particle", f"{_bytes(report['particle_bytes'])} on the wire"))
    times = [("load", "load_s"), ("encoders, in one replica of all", "encoders_s"), ("conditions", "conditions_s"),
             ("a step", "step_s"), ("a chunk", "chunk_s"), ("a decode", "decode_s")]  # fmt: skip
    lines.append(("seconds", ", ".join(f"{name} {report[key]:.3g}" for name, key in times if key in report)))
    peaks = {"peak_rss": "of the process", "peak_gpu": "on the GPU"}
    lines.append(("memory", ", ".join(f"{_bytes(report['memory'][k])} {of}" for k, of in peaks.items()
                                      if k in report["memory"]) + " at most"))  # fmt: skip
    if "bitwise" in report:
        lines.append(
            (
                "chain",
                "the same bit for bit when cut in two"
                if report["bitwise"]
                else "NOT the same bit for bit when cut in two",
            )
        )
    for kind, name in ((False, "deterministic"), (True, "stochastic")):
        made = [k for k, e in report.get("kernels", {}).items() if e["stochastic"] == kind and e["ok"]]
        lines.append((f"{name} kernels", ", ".join(made) or "none"))
    lines.append(("strategies", ", ".join(report["strategies"]) or "none"))
    sizes = report.get("gradients", {})
    lines.append(("guides", ", ".join(f"{g} (gradient {sizes[g]:.2g})" for g in report["guides"]) or "none"))
    return "\n".join([_aligned(lines), *(f"FAILED {check}: {why}" for check, why in report["failures"].items())])


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    """Name and finding on a line each, without those of which nothing was found."""
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {what}" for name, what in lines if what)


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"
