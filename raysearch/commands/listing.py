"""Lists of the parts: `raysearch generators`, `raysearch strategies`, `raysearch rewards`."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from raysearch.commands.declaring import Declare, add_json, print_json

if TYPE_CHECKING:
    from raysearch.options import Part
    from raysearch.rewards.registry import RewardPart


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    for name, function, what, example in (
        (
            "generators",
            generators,
            "list the pipeline classes of diffusers that are known, and what each takes",
            "WanPipeline",
        ),
        ("rewards", rewards, "list the rewards, their options, defaults and papers, plug-ins included", "vjepa2"),
        ("strategies", strategies, "list the search strategies, their options, defaults and papers", "smc"),
    ):
        told = f"what is known of {example}" if function is generators else f"each option of {example}"
        sub = command(name, function, what, epilog=f"`raysearch {name} {example}` explains {told}.")
        sub.add_argument("name", nargs="?", metavar="NAME", help="explain this one")
        add_json(sub)


def strategies(args: argparse.Namespace) -> int:
    """Print every search strategy with its options, or explain one of them."""
    from raysearch import search

    if args.json:
        print_json([_plain(part) for part in ([search.of(args.name)] if args.name else search.describe())])
        return 0
    if args.name:
        _explain(search.of(args.name), "")
        return 0
    for d in search.describe():
        print(f"{d.name}: {d.summary}")
        for option in d.options.values():
            print(f"    {option.name} = {_written(option.default)}")
        print(f"    paper: {d.paper}\n")
    return 0


def rewards(args: argparse.Namespace) -> int:
    """Print every reward with its options, or explain one of them."""
    from raysearch.errors import UsageError
    from raysearch.rewards import registry

    if args.json:
        print_json([_ability(name) for name in ([args.name] if args.name else registry.names())])
        return 0
    if args.name:
        reward = registry.find(args.name)
        _explain(reward.part, _abilities(reward))
        return 0
    for name in registry.names():
        try:
            reward = registry.find(name)
        except UsageError as error:
            print(f"{name}: cannot be used\n    {error}\n")
            continue
        print(f"{name}: {reward.part.summary}\n    {_abilities(reward)}")
        for option in reward.part.options.values():
            print(f"    {option.name} = {_written(option.default)}")
        print(f"    paper: {reward.part.paper}\n" if reward.part.paper else "")
    return 0


def _ability(name: str) -> dict[str, Any]:
    """A reward as plain values; one that cannot be used has an `error` instead."""
    from raysearch.errors import UsageError
    from raysearch.rewards import registry

    try:
        reward = registry.find(name)
    except UsageError as error:
        return {"name": name, "error": str(error)}
    declared = reward.declared
    return {**_plain(reward.part), "differentiable": declared.differentiable, "maps": declared.maps,
            "origin": reward.origin}  # fmt: skip


def _plain(part: Part) -> dict[str, Any]:
    """A part as plain values."""
    options = [
        {"name": o.name, "default": _value(o.default), "values": o.values, "meaning": o.meaning}
        for o in part.options.values()
    ]
    return {"name": part.name, "summary": part.summary, "paper": part.paper, "options": options}


def _abilities(reward: RewardPart) -> str:
    """What a reward can do, and which package brings it."""
    able = "differentiable" if reward.declared.differentiable else "not differentiable"
    able += " if its parts are" * (reward.part.name == "fuse")
    return able + (f"; from {reward.origin}" if reward.origin else "")


def _explain(part: Part, note: str) -> None:
    """Print a part: every option with its default, what it means, and which values it takes."""
    print(f"{part.name}: {part.summary}" + (f"\n    {note}" if note else ""))
    firsts = {option.name: f"    {option.name} = {_written(option.default)}" for option in part.options.values()}
    width = min(36, max(map(len, firsts.values()), default=0))
    for name, first in firsts.items():
        option = part.options[name]
        values = "" if option.values == "a text" and option.meaning else option.values
        meaning = option.meaning.removesuffix(".")
        text = f"{meaning} ({values})" if meaning and values else option.meaning or values
        lines = textwrap.wrap(text, 118 - width, break_on_hyphens=False) or [""]
        if len(first) > width:
            print(first)
            first = ""
        for left, right in zip([first, *[""] * (len(lines) - 1)], lines, strict=True):
            print(f"{left:<{width}}  {right}".rstrip())
    if part.paper:
        print(f"    paper: {part.paper}")


def generators(args: argparse.Namespace) -> int:
    """Print the known pipeline classes of diffusers and what each takes."""
    from raysearch.generators.families import describe
    from raysearch.names import lookup

    rows = describe()
    if args.name:
        rows = [lookup("pipeline class", args.name, {row["pipeline"]: row for row in rows})]
    if args.json:
        print_json(rows)
        return 0
    if args.name:
        _one_generator(rows[0])
        return 0
    width = max(len(r["pipeline"]) for r in rows)
    kinds = ("text", "image", "frames", "tested", "chunks")
    print(f"{'pipeline':<{width}}  {'  '.join(f'{kind:<6}' for kind in kinds)}  batch    notes")
    for r in rows:
        takes = "  ".join(f"{_yes(r, kind):<6}" for kind in kinds)
        notes = "; ".join(t for t in (r["notes"], r["why"]) if t)
        print(f"{r['pipeline']:<{width}}  {takes}  {r['batch'] or '-':<7}  {notes}".rstrip())
    return 0


def _one_generator(row: dict[str, Any]) -> None:
    """Print all that is known of a pipeline class."""
    takes = [kind for kind in ("text", "image", "frames") if row[kind]]
    lines = {
        "models": row["name"] if row["name"] != row["pipeline"] else "",
        "takes": ", ".join(takes) + (" (needed)" if row["needs_frames"] and len(takes) > 1 else ""),
        "given frames": ("come back unchanged" if row["held"] else "are followed freely") if len(takes) > 1 else "",
        "tested": "by the contract suite" if row["tested"] else "" if row["why"] else "not in the contract suite",
        "chunks": "can make a video chunk by chunk (generator.chunks)" if row["chunks"] else "",
        "batch": f"particles can share a call, with their {row['batch']}" if row["batch"] else "",
        "needs": f"pip install {row['needs']}" if row["needs"] else "",
        "notes": row["notes"],
        "refused": row["why"],
    }
    print(row["pipeline"])
    for name, text in lines.items():
        if text:
            print(f"    {name:<12}  {text}")


def _yes(row: dict[str, Any], column: str) -> str:
    if row[column] and row["needs_frames"] and column in ("image", "frames"):
        return "needed"
    return "yes" if row[column] else "no" if column == "tested" else "-"


def _value(default: object) -> object:
    """A default as plain values, where it is one; else its text."""
    from dataclasses import asdict, is_dataclass

    if is_dataclass(default) and not isinstance(default, type):
        return asdict(default)
    plain = default is None or isinstance(default, (bool, int, float, str, list, tuple, dict))
    return default if plain else _written(default)


def _written(default: object) -> str:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(default) and not isinstance(default, type):
        return "{" + ", ".join(f"{k}: {_written(v)}" for k, v in asdict(default).items()) + "}"
    if isinstance(default, bool):
        return str(default).lower()
    return "null" if default is None else str(list(default)) if isinstance(default, tuple) else str(default)
