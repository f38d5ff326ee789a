"""What there is to choose from: `raysearch generators`, `raysearch strategies`, `raysearch rewards`."""

from __future__ import annotations

import argparse
from typing import Any


def add(command) -> None:
    command("generators", generators, "list the pipeline classes of diffusers that are known, and what each takes")
    command("rewards", rewards, "list the rewards, their options, defaults and papers, plug-ins included")
    command("strategies", strategies, "list the search strategies, their options, defaults and papers")


def strategies(args: argparse.Namespace) -> int:
    from raysearch.search import describe

    for d in describe():
        print(f"{d.name}: {d.summary}")
        for option, default in d.options.items():
            print(f"    {option} = {_told(default)}")
        print(f"    paper: {d.paper}\n")
    return 0


def rewards(args: argparse.Namespace) -> int:
    from raysearch.rewards.catalogue import describe

    for d in describe():
        steers = "differentiable" if d.differentiable else "not differentiable"
        steers += " if its parts are" * (d.name == "fuse")
        print(f"{d.name}: {d.summary}\n    {d.error or steers}" + (f"; from {d.origin}" if d.origin else ""))
        for option, default in d.options.items():
            print(f"    {option} = {_told(default)}")
        print(f"    paper: {d.paper}\n" if d.paper else "")
    return 0


def generators(args: argparse.Namespace) -> int:
    from raysearch.generators.families import describe

    rows = describe()
    width = max(len(r["pipeline"]) for r in rows)
    print(f"{'pipeline':<{width}}  text  image   frames  tested  chunks  batch    notes")
    for r in rows:
        kinds = ("text", "image", "frames", "tested", "chunks")
        takes = "  ".join(f"{_yes(r, kind):<{max(6, len(kind)) if kind == 'image' else len(kind)}}" for kind in kinds)
        notes = "; ".join(t for t in (r["notes"], r["why"]) if t)
        print(f"{r['pipeline']:<{width}}  {takes}  {r['batch'] or '-':<7}  {notes}".rstrip())
    return 0


def _yes(row: dict[str, Any], column: str) -> str:
    if row[column] and row["needs_frames"] and column in ("image", "frames"):
        return "needed"
    return "yes" if row[column] else "no" if column == "tested" else "-"


def _told(default: object) -> str:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(default) and not isinstance(default, type):
        return "{" + ", ".join(f"{k}: {_told(v)}" for k, v in asdict(default).items()) + "}"
    if isinstance(default, bool):
        return str(default).lower()
    return "null" if default is None else str(list(default)) if isinstance(default, tuple) else str(default)
