"""`raysearch score`."""

from __future__ import annotations

import argparse
import json

from raysearch.errors import UsageError


def add(command) -> None:
    sub = command("score", score, "score video files with V-JEPA 2: how plausible is the motion",
                  epilog="example:\n  raysearch score runs/demo/best/*.mp4 --set model=tiny stride=2")  # fmt: skip
    sub.add_argument("videos", nargs="+", metavar="VIDEO", help="mp4 or anything ffmpeg reads")
    sub.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="key=value",
                     help="settings of the reward: model, preset, window, context, stride, cosine, reduce")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")


def score(args: argparse.Namespace) -> int:
    from raysearch import config, rewards, videos
    from raysearch.prompts import Prompt

    options = {"name": "vjepa2", **config.overrides(args.overrides)}
    rewards.check(options)
    clips = {path: videos.decode(path) for path in args.videos}
    reward, table = rewards.load(options), []
    for path, (frames, fps) in clips.items():
        try:
            scores = reward.score(frames, Prompt(path, path))
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
        table.append({"video": path, "frames": len(frames), "fps": fps, "reward": scores.value, **scores.details})
    if args.json:
        print(json.dumps(table, indent=1))
        return 0
    width = max(len(path) for path in clips)
    print(f"{'video':<{width}}  frames  surprise   reward")
    for row in sorted(table, key=lambda r: -r["reward"]):
        print(f"{row['video']:<{width}}  {row['frames']:>6}  {1 - row['reward']:8.4f} {row['reward']:8.4f}")
    return 0
