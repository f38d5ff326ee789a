"""`raysearch agreement`."""

from __future__ import annotations

import argparse

from raysearch.commands.declaring import Declare, add_json, print_json, say
from raysearch.commands.run import add_job

_AGREEMENT = """examples:
  raysearch agreement jobs/demo.yaml generator.preview.size=0.5
  raysearch agreement jobs/wan_t2v.yaml generator.preview.decoder=taew2_1.safetensors -n 8

Every read of the candidates is decoded and scored twice, as generator.preview says and whole, on this machine. Nothing
is written."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("agreement", agreement, "measure how well rewards of previews agree with those of the whole decode",
                  epilog=_AGREEMENT)  # fmt: skip
    add_job(sub, cluster=False)
    sub.add_argument("-n", type=int, default=8, help="candidates of each prompt (default: %(default)s)")
    sub.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    add_json(sub)


def agreement(args: argparse.Namespace) -> int:
    """Measure the agreement and print it."""
    say(f"checking {args.job}")
    from raysearch import config, runs

    resolved = runs.resolve(config.load(args.job, args.overrides))
    say("loading torch and the models")
    from raysearch import devices
    from raysearch.evals import agreement as measured
    from raysearch.generators.cheaper import preview

    threads = resolved.job.cluster.generators.threads
    rows = measured.measure(resolved, args.n, args.device or devices.best(), threads)
    if args.json:
        print_json(measured.plain(rows))
    else:
        print(measured.text(rows, preview.name(resolved.generator), resolved.generator.steps or 0))
    return 0
