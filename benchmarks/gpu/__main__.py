"""What is true on a GPU, in under ten minutes: bits, seconds, memory and share of peak, with random weights.

Writes the figures and the page of the documentation. Needs no network and no Ray.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.page import page, table
from benchmarks.gpu.parts import NAMES, PARTS, Part, Place
from benchmarks.gpu.runner import run

ABOUT = "import json, sys; from benchmarks.gpu.meter import about; print(json.dumps(about(sys.argv[1])))"
CUDA = "import torch; print(torch.cuda.is_available())"


def measure(parts: list[Part], place: Place, minutes: float) -> dict[str, Any]:
    """Every part in turn; those for which no time is left are skipped."""
    start, found = time.monotonic(), dict[str, Any]()
    for part in parts:
        left = 60 * minutes - (time.monotonic() - start)
        limit = min(part.limit if place.full else 600, left)
        answer = run(part, place, limit) if left > 0 else {"status": "skipped", "took": 0, "reason": "no time was left"}
        found[part.name] = answer
        print(f"\n{part.title} ({part.name}): {answer['status']}, {answer['took']:.0f} s\n{table(answer)}", flush=True)
    return {"about": _asked(ABOUT, place.device), "size": place.size, "took": time.monotonic() - start, "parts": found}


def main() -> int:
    """Measure what the command line asks for, and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--size", choices=["full", "tiny"], default="full", help="of the models (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="PART", help=f"some parts: {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all parts together (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/gpu.json"), help="figures; those of parts that "
                        "are not run stay as they are")  # fmt: skip
    parser.add_argument("--page", type=Path, default=Path("docs/gpu.md"), help="of the documentation")
    args = parser.parse_args()
    if args.size == "tiny" and args.json == parser.get_default("json"):
        parser.error("--size tiny: its figures say nothing about GPUs; give --json and --page of your own")
    kept = json.loads(args.json.read_text()) if args.json.exists() else {}
    if args.device == "cuda" and _asked(CUDA, "") is not True:
        print("no CUDA device: nothing was measured")
        args.page.write_text(page(kept) + "\n")
        return 1
    found = measure([part for part in PARTS if part.name in (args.only or NAMES)], Place(args.device, args.size),
                    args.minutes)  # fmt: skip
    found["parts"] = {name: result for name in NAMES
                      if (result := found["parts"].get(name, kept.get("parts", {}).get(name)))}  # fmt: skip
    args.json.write_text(json.dumps(found, indent=1) + "\n")
    args.page.write_text(page(found) + "\n")
    return int(any(result["status"] == "failed" for result in found["parts"].values()))


def _asked(code: str, word: str) -> Any:
    """What a line of Python prints as JSON, in a process of its own: a GPU that this one opens would hold memory."""
    answer = subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True, check=True).stdout
    return json.loads(answer.lower() if answer.strip() in ("True", "False") else answer)


if __name__ == "__main__":
    sys.exit(main())
