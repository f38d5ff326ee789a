"""`raysearch doctor`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

_DOCTOR = """examples:
  raysearch doctor tiny
  raysearch doctor Lightricks/LTX-Video-0.9.5 dtype=bfloat16 height=480 width=704 num_frames=97
  raysearch doctor models/skyreels chunks=2 num_frames=97 height=256 width=448 call.overlap_history=17
  raysearch doctor models/wan-i2v --image first.png --json
  raysearch doctor my_package.my_module:load steps=8 call.size=64     # a generator of your own

key=value are those of `generator` in a job file. The exit code is 1 if a check failed."""


def add(command) -> None:
    sub = command("doctor", doctor, "load a model, try every kernel on it, and say what a search can do with it",
                  epilog=_DOCTOR)  # fmt: skip
    sub.add_argument("model", metavar="MODEL", help="folder, hub id, tiny, or package.module:function of your own")
    sub.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the generator; steps: 4 by itself")
    sub.add_argument("--text", default="", help="of the prompt")
    sub.add_argument("--image", metavar="FILE", help="to condition on; noise if the model needs one and none is given")
    sub.add_argument("--video", metavar="FILE", help="to continue")
    sub.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    sub.add_argument("--no-gradients", action="store_true", help="do not try guides, which take far more memory")
    sub.add_argument("--json", action="store_true")


def doctor(args: argparse.Namespace) -> int:
    from raysearch import config as configuration
    from raysearch import devices
    from raysearch.generators import feasible
    from raysearch.prompts import Prompt
    from raysearch.sampling import doctor as examination

    given = configuration.overrides(args.overrides)
    given |= given.pop("generator", {})
    named = "name" if ":" in args.model and not Path(args.model).exists() else "model"
    generator = {named: args.model, "fps": 16, **given}
    chunks = given.get("chunks", 1)
    generator.setdefault("steps", examination.LEAST * (chunks if isinstance(chunks, int) else 1))
    job = configuration.typed({"generator": generator}, "the command line")
    plain = args.image or args.video
    prompt = Prompt(examination.PROMPT_ID, args.text or ("" if plain else "a ball"), args.image, args.video)
    length = feasible.length(job.generator)
    found = examination.examine(job.generator, prompt, args.device or devices.best(), not args.no_gradients)
    if length is not None:
        found["frames_asked"] = length.asked
    print(json.dumps(found, indent=1) if args.json else told(found))
    return 1 if found["failures"] else 0


def told(found: dict[str, Any]) -> str:
    """The findings for a reader."""
    here = f"(here {found['conditioning_frames'] or 'no'} frames)"
    if found["own"]:
        lines = [("generator", f"{found['class']}, of your own {here}")]
    else:
        lines = [
            ("pipeline", f"{found['class']}, {'in' if found['tested'] else 'not in'} the contract suite"),
            ("takes", f"{', '.join(found['takes'])} {here}"),
            ("revision", found["revision"] or "none: a folder"),
        ]
    lines += [
        ("runs on", f"{found['device']}, {found['dtype']}"),
    ]
    if "latents" in found:
        lines.append(("latents", f"{_shape(found['latents'])}, {found['steps']} steps"))
    if "frames" in found:
        t, _, h, w = found["frames"]
        asked = found.get("frames_asked", t)
        lines.append(("video", f"{t} frames of {w} x {h}" + (f"; {asked} were asked for" if asked != t else "")))
    if "particle_bytes" in found:
        lines.append(("particle", f"{_bytes(found['particle_bytes'])} on the wire"))
    times = [("load", "load_s"), ("conditions", "conditions_s"), ("a step", "step_s"), ("a decode", "decode_s")]
    lines.append(("seconds", ", ".join(f"{name} {found[key]:.3g}" for name, key in times if key in found)))
    peaks = {"peak_rss": "of the process", "peak_gpu": "on the GPU"}
    lines.append(("memory", ", ".join(f"{_bytes(found['memory'][k])} {of}" for k, of in peaks.items()
                                      if k in found["memory"]) + ", at the most"))  # fmt: skip
    if "bitwise" in found:
        lines.append(("chain", "cut in two, bit for bit the unsplit one" if found["bitwise"] else "NOT bit for bit"))
    for kind, name in ((False, "deterministic"), (True, "stochastic")):
        made = [k for k, e in found.get("kernels", {}).items() if e["stochastic"] == kind and e["ok"]]
        lines.append((f"{name} kernels", ", ".join(made) or "none"))
    lines.append(("strategies", ", ".join(found["strategies"]) or "none"))
    sizes = found.get("gradients", {})
    lines.append(("guides", ", ".join(f"{g} (gradient {sizes[g]:.2g})" for g in found["guides"]) or "none"))
    width = max(len(name) for name, _ in lines)
    out = [f"{name:<{width}}  {text}" for name, text in lines if text]
    return "\n".join(out + [f"FAILED {check}: {why}" for check, why in found["failures"].items()])


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"
