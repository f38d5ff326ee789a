"""Prints docs/generators.md: `python -m tests.zoo.table > docs/generators.md`. Its numbers are asserted."""

from __future__ import annotations

from raysearch.generators.families import describe
from tests.zoo.cases import CASES, Case

HEAD = """\
# Generators

`generator.name: diffusers` drives any video pipeline of diffusers that has one schedule and one call of
`prepare_latents`: `generator.model` is a folder or a hub id. A class that is not in the table is driven as one that
takes text alone, untested. This page is written by the test suite (`python -m tests.zoo.table > docs/generators.md`).

* **text, image, frames**: what a prompt may give: `text`, `image`, or a `video` to continue. Where an image or frames
  are *needed*, a prompt with text alone is refused. What a class cannot do is an error before anything is loaded.
* **held**: given frames stand still in the latents, so no kernel, mutation or re-noising moves them. Elsewhere the
  network sees them and is free to follow.
* **packages**: diffusers does without them until the pipeline runs (ftfy: until it encodes a text).
* Classes of the same weights stand in for each other: an image makes `LTXPipeline`, `WanPipeline` (TI2V-5B alone) and
  `SkyReelsV2DiffusionForcingPipeline` the class of that name that takes images; a clip, the last one that takes clips.
"""
MIDDLE = """
## What the suite asserts

Each row is a pipeline built tiny from configuration alone and put through `tests/zoo/test_contract.py`: a chain cut in
two equals the unsplit one bitwise; a noisy particle goes on bitwise on a fresh replica; the chain makes the stock
pipeline's video within the bound below (greatest difference of a pixel, videos lie in [0, 1]); gradients flow through
decode and through the network; conditions reach the network and are held where the table says so; mutating and going
back leave held positions; with bf16 weights the state stays fp32 and the chain bitwise.
"""


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["", row(head), row(["---"] * len(head)), *map(row, rows)]


def family(f: dict) -> list[str]:
    def takes(kind: str) -> str:
        return ("needed" if f["needs_frames"] and kind != "text" else "yes") if f[kind] else "-"

    remarks = "; ".join(filter(None, [f["notes"], f["why"]]))
    tested = "yes" if f["tested"] else "no"
    kinds = [takes(k) for k in ("text", "image", "frames")]
    told = ["yes" if f[k] else "-" for k in ("held", "chunks")]
    return [f["name"], f"`{f['pipeline']}`", *kinds, *told, f["needs"] or "-", tested, remarks]


def case(c: Case) -> list[str]:
    given = {0: "text", 1: "image"}.get(c.given, f"{c.given} frames")
    return [c.id, f"`{c.pipeline}`", given, f"{c.fidelity:g}", c.why, ", ".join(c.needs) or "-"]


def page() -> str:
    rows = describe()
    heads = ["family", "pipeline", "text", "image", "frames", "held", "chunks", "packages", "tested", "notes"]
    lines = [HEAD.rstrip(), *table(heads, [family(f) for f in rows]), MIDDLE.rstrip()]
    return "\n".join(
        [*lines, *table(["case", "pipeline", "given", "bound", "because of", "needs"], list(map(case, CASES)))]
    )


if __name__ == "__main__":
    print(page())
