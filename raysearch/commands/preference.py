"""`raysearch preference`: make a study, or evaluate its answers."""

from __future__ import annotations

import argparse
import json

from raysearch.commands.declaring import Declare

_TEXT = """examples:
  raysearch preference make pairs.jsonl study --annotators 4 --question physics
  raysearch preference count study/key.json answers-01.jsonl answers-02.jsonl --json

pairs.jsonl has one object per line: id, prompt, a, b (names of the systems), video_a, video_b, and optionally given
(what both videos continue) and expect (a or b, which makes the pair an attention check). Send each annotator one page
with the media folder; keep key.json."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("preference", preference, "ask people which of two videos is better, and evaluate their answers",
                  epilog=_TEXT)  # fmt: skip
    sub.add_argument("action", choices=("make", "count"), help="make a study, or evaluate its answers")
    sub.add_argument("first", metavar="FILE", help="pairs.jsonl (make) or key.json (count)")
    sub.add_argument("rest", nargs="+", metavar="PATH", help="new folder (make) or answers (count)")
    sub.add_argument("--annotators", type=int, default=3, help="number of annotators (default: %(default)s)")
    sub.add_argument("--question", default="physics", help="what is asked: physics, quality or prompt")
    sub.add_argument("--ties", action="store_true", help="also offer the answer `cannot decide`")
    sub.add_argument("--seed", type=int, default=0, help="of the order of pairs and sides (default: %(default)s)")
    sub.add_argument(
        "--least", type=float, default=1.0, help="share of the attention checks that an annotator must pass"
    )
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")


def preference(args: argparse.Namespace) -> int:
    """Make a study of pairwise human preference, or evaluate its answers."""
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
