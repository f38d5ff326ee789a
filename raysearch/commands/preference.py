"""`raysearch preference`: make a study, or evaluate its answers."""

from __future__ import annotations

import argparse
import json

_TEXT = """examples:
  raysearch preference make pairs.jsonl study --annotators 4 --question physics
  raysearch preference count study/key.json answers-01.jsonl answers-02.jsonl --json

pairs.jsonl has one object a line: id, prompt, a, b (names of the systems), video_a, video_b, and optionally given (what
both continue) and expect (a or b: an attention check). Send each annotator one page
with the media folder; keep key.json."""


def add(command) -> None:
    sub = command("preference", preference, "ask people which of two videos is better, and evaluate what they say",
                  epilog=_TEXT)  # fmt: skip
    sub.add_argument("action", choices=("make", "count"))
    sub.add_argument("first", metavar="FILE", help="pairs.jsonl (make) or key.json (count)")
    sub.add_argument("rest", nargs="+", metavar="PATH", help="new folder (make) or answers (count)")
    sub.add_argument("--annotators", type=int, default=3)
    sub.add_argument("--question", default="physics", help="physics, quality or prompt")
    sub.add_argument("--ties", action="store_true", help="offer `cannot decide`")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--least", type=float, default=1.0, help="share of attention checks an annotator must pass")
    sub.add_argument("--json", action="store_true")


def preference(args: argparse.Namespace) -> int:
    from raysearch.errors import UsageError
    from raysearch.evals.preference import items, page, statistics
    from raysearch.moves import encode

    if args.action == "make":
        if len(args.rest) != 1:
            raise UsageError("make: give one new folder for the study")
        pairs = items.read_pairs(args.first)
        print(page.write(pairs, args.rest[0], args.annotators, args.question, args.ties, args.seed))
        return 0
    votes = items.read_votes(args.rest, args.first)
    kept = items.attentive(votes, args.least)
    if not kept:
        raise UsageError(f"{len(votes)} votes, but no annotator passed the attention checks; see --least")
    found = statistics.report(kept) | {
        "annotators_left_out": len({v.annotator for v in votes} - {v.annotator for v in kept})
    }
    if args.json:
        print(json.dumps(encode(found), indent=1, allow_nan=False))
        return 0
    for c in found["comparisons"]:
        low, high = c["interval"]
        band = "" if low is None else f", 95 % {100 * low:.1f} to {100 * high:.1f}"
        print(f"{c['system']} against {c['against']}: W {c['wins']} T {c['ties']} L {c['losses']}, "
              f"{100 * c['share']:.1f} %{band}; sign test over {c['prompts']} prompts p = {c['p']:.3g}")  # fmt: skip
    print(f"{found['votes']} votes of {found['annotators']} annotators, {found['annotators_left_out']} left out; "
          f"Krippendorff alpha {found['alpha']:.2f}")  # fmt: skip
    for name, value in found.get("bradley_terry", {}).items():
        print(f"strength of {name}: {value:+.3f}" if isinstance(value, float) else value)
    return 0
