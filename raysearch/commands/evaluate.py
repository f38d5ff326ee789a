"""`raysearch quality`, `raysearch videophy`, `raysearch validate-reward`."""

from __future__ import annotations

import argparse
import json

from raysearch.commands.declaring import Declare, add_json, print_json, say

_VIDEOPHY = """examples:
  raysearch videophy prepare runs/t2v --out input.csv
  raysearch videophy run input.csv --out sa.csv --command "/envs/videophy/bin/python inference.py \\
      --input_csv {input} --output_csv {output} --checkpoint /models/videophy_2_auto --task sa"
  raysearch videophy score sa.csv pc.csv --version 2"""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("quality", quality, "measure the quality of video files without weights",
                  epilog="example:\n  raysearch quality runs/demo/best/*.mp4")  # fmt: skip
    sub.add_argument("videos", nargs="+", metavar="VIDEO", help="video files")
    sub.add_argument("--vbench", metavar="JSON", help="also show the results of VBench, a *_eval_results.json")
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")
    sub = command("videophy", videophy, "prepare, run and read the evaluators of VideoPhy and VideoPhy-2",
                  epilog=_VIDEOPHY)  # fmt: skip
    sub.add_argument("action", choices=("prepare", "run", "score"), help="what to do")
    sub.add_argument("paths", nargs="+", metavar="PATH", help="run folder; input.csv; or CSVs of adherence and physics")
    sub.add_argument("--out", default="videophy.csv", help="file to write (default: %(default)s)")
    sub.add_argument(
        "--command", dest="evaluator", default="", help="command of the evaluator, with {input} and {output}"
    )
    sub.add_argument("--timeout", type=float, help="seconds that the evaluator may take")
    sub.add_argument("--version", type=int, choices=(1, 2), default=1, help="of VideoPhy (default: %(default)s)")
    add_json(sub)
    sub = command(
        "validate-reward",
        validate,
        "measure how often a reward prefers the possible of two videos",
        epilog="examples:\n  raysearch validate-reward --tiny 20 --set model=tiny\n"
        "  raysearch validate-reward --tiny 20 --set name=fuse 'parts=[{name: vjepa2}, {name: videomae}]'\n"
        "  raysearch validate-reward --pairs intphys2/pairs.csv --set model=facebook/vjepa2-vitg-fpc64-384",
    )
    sub.add_argument("--pairs", metavar="CSV", help="columns pair, video, possible (1 or 0), optionally condition")
    sub.add_argument(
        "--tiny", type=int, metavar="N", help="N pairs for each way in which the tiny world can break its laws"
    )
    sub.add_argument(
        "--set", nargs="*", default=[], dest="overrides", metavar="key=value", help="settings of the reward"
    )
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")


def quality(args: argparse.Namespace) -> int:
    """Print quality measures of video files that need no weights, and the results of VBench if given."""
    say(f"measuring {', '.join(args.videos[:3])}")
    from raysearch import videos
    from raysearch.errors import UsageError
    from raysearch.evals.quality import NAMES, measure, read_vbench

    found = {}
    for path in args.videos:
        try:
            found[path] = measure(videos.decode(path)[0])
        except UsageError as error:
            raise UsageError(str(error) if path in str(error) else f"{path}: {error}") from None
    bench = read_vbench(args.vbench) if args.vbench else {}
    if args.json:
        print(json.dumps({"videos": found, "vbench": bench}, indent=1))
        return 0
    width = max(map(len, found))
    print(f"{'video':<{width}}  " + "  ".join(NAMES))
    for path, row in found.items():
        print(f"{path:<{width}}  " + "  ".join(f"{row[n]:>{len(n)}.4f}" for n in NAMES))
    for name, dimension in bench.items():
        print(f"VBench {name}: {dimension['mean']:.4f}")
    return 0


def videophy(args: argparse.Namespace) -> int:
    """Write the input of a VideoPhy evaluator, run the evaluator, or print the scores it gave."""
    from raysearch.errors import UsageError
    from raysearch.evals import outside
    from raysearch.evals import videophy as v

    if len(args.paths) != (wanted := 2 if args.action == "score" else 1):
        raise UsageError(
            f"videophy {args.action}: give {wanted} path{'s' if wanted > 1 else ''}, not {len(args.paths)}"
        )
    if args.action == "prepare":
        from raysearch.report.reading import read

        run = read(args.paths[0])
        chosen = {f"{args.paths[0]}/best/{e.name}.mp4": e.prompt.text for e in run.entries if e.result is not None}
        v.write_input(chosen, args.out)
        print(f"{len(chosen)} videos: {args.out}")
    elif args.action == "run":
        print(outside.run(args.evaluator, args.paths[0], args.out, args.timeout))
    else:
        adherence, physics = (v.read_output(p) for p in args.paths)
        found = v.scores(adherence, physics, args.version)
        if args.json:
            print_json(found)
            return 0
        for name, value in found.items():
            print(f"{name:<14} {value:8.3f}" if isinstance(value, float) else f"{name:<14} {value:>4}")
    return 0


def validate(args: argparse.Namespace) -> int:
    """Print how often a reward prefers the possible video of a pair, by condition, with intervals."""
    from raysearch import config, rewards
    from raysearch.errors import UsageError
    from raysearch.evals import validate as v
    from raysearch.prompts import Prompt

    if (args.pairs is None) == (args.tiny is None):
        raise UsageError("give either --pairs CSV or --tiny N")
    options = {"name": "vjepa2", **config.overrides(args.overrides)}
    rewards.check(options)
    pairs = v.read(args.pairs) if args.pairs else list(v.tiny(args.tiny))
    say(f"loading {options['name']} for {len(pairs)} pairs")
    from raysearch import devices  # after the checks, for it loads torch

    reward, margins = rewards.load(options, devices.best()), []
    for pair in pairs:
        try:
            good, bad = (
                reward.score(side(), Prompt(pair.id, "a video")).value for side in (pair.possible, pair.impossible)
            )
        except UsageError as error:
            raise UsageError(f"pair {pair.id}: {error}") from None
        margins.append((pair.condition, good - bad))
    found = v.accuracy(margins)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    width = max(map(len, found))
    print(f"{'condition':<{width}}  pairs  accuracy  95 % interval   mean margin")
    for name, row in found.items():
        low, high = row["interval"]
        print(
            f"{name:<{width}}  {row['pairs']:>5}  {row['accuracy']:8.3f}  {low:.3f} to {high:.3f}  {row['margin']:+.4f}"
        )
    return 0
