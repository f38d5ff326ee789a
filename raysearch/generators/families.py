"""Which pipeline classes there are, and what each takes: text, an image, several frames. Plain data, loads nothing.

A class that is not here is driven as one that takes text alone. `tested`: the contract suite (tests/zoo) runs it; if
not, `why` says what that would take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from raysearch.errors import UsageError


@dataclass(frozen=True)
class Family:
    """takes: some of text, image, frames. needs_frames: it cannot do without. held: given frames come back unchanged
    (through the autoencoder); elsewhere the network sees them and is free to follow. needs: Python packages that
    diffusers does without until the pipeline runs (ftfy: only where text is encoded). chunks: a video can be made chunk
    by chunk, each conditioned on the last frames of those before. batch: what is given once per particle where several
    share a call of the pipeline, `prompts`, or `frames` with them; empty where they cannot."""

    pipeline: str
    name: str
    takes: tuple[str, ...]
    needs_frames: bool = False
    held: bool = False
    notes: str = ""
    tested: bool = True
    why: str = ""
    needs: tuple[str, ...] = ()
    chunks: bool = False
    batch: str = "prompts"


_T, _I, _F = ("text",), ("text", "image"), ("text", "frames")
_ALL = ("text", "image", "frames")
_FTFY = ("ftfy",)
_COSMOS = "tested where torchvision is installed: the pipeline imports it"
FAMILIES: dict[str, Family] = {
    f.pipeline: f
    for f in (
        Family("WanPipeline", "Wan 2.1, 2.2 (A14B, TI2V-5B)", _T, needs=_FTFY),
        Family("WanImageToVideoPipeline", "Wan 2.1, 2.2 image to video", _I, needs_frames=True,
               notes="held by TI2V-5B; the others see the image in extra channels", needs=_FTFY),
        Family("WanVideoToVideoPipeline", "Wan 2.1 video to video", _T,
               notes="needs call.video, which has no influence at the only strength that is possible, 1", needs=_FTFY),
        Family("WanVACEPipeline", "Wan VACE", _ALL,
               notes="continuation by masks; call.reference_images gives references", needs=_FTFY, batch=""),
        Family("LTXPipeline", "LTX-Video", _T),
        Family("LTXImageToVideoPipeline", "LTX-Video image to video", _I, needs_frames=True, held=True,
               batch="frames"),
        Family("LTXConditionPipeline", "LTX-Video 0.9.5 and later", _ALL, held=True,
               notes="continuation; of a clip, 8k + 1 frames are used; frames from call.conditions not in batches"),
        Family("CogVideoXPipeline", "CogVideoX", _T, notes="steps should divide 1000"),
        Family("CogVideoXImageToVideoPipeline", "CogVideoX image to video", _I, needs_frames=True,
               notes="steps should divide 1000", batch="frames"),
        Family("HunyuanVideoPipeline", "HunyuanVideo", _T),
        Family("HunyuanVideo15Pipeline", "HunyuanVideo 1.5", _T),
        Family("Cosmos2VideoToWorldPipeline", "Cosmos Predict 2", _ALL, needs_frames=True, held=True,
               notes="continuation; decoded frames pass the guardrail", tested=False, why=_COSMOS,
               needs=("torchvision",), batch=""),
        Family("Cosmos2_5_PredictBasePipeline", "Cosmos Predict 2.5", _ALL, held=True,
               notes="continuation of 1 or 5 frames", tested=False, why=_COSMOS, needs=("torchvision",), batch=""),
        Family("SkyReelsV2DiffusionForcingPipeline", "SkyReels V2 DF", _T, notes="ar_step 0", needs=_FTFY, chunks=True),
        Family("SkyReelsV2DiffusionForcingImageToVideoPipeline", "SkyReels V2 DF image to video", _I,
               needs_frames=True, held=True, notes="ar_step 0", needs=_FTFY, chunks=True),
        Family("SkyReelsV2DiffusionForcingVideoToVideoPipeline", "SkyReels V2 DF continuation", _F,
               needs_frames=True, held=True, notes="ar_step 0; 4k + 1 frames, which the stock call shows twice",
               needs=_FTFY, chunks=True, batch="frames"),
        Family("SkyReelsV2Pipeline", "SkyReels V2", _T, needs=_FTFY),
        Family("SkyReelsV2ImageToVideoPipeline", "SkyReels V2 image to video", _I, needs_frames=True, needs=_FTFY),
        Family("MochiPipeline", "Mochi", _T),
        Family("StableVideoDiffusionPipeline", "Stable Video Diffusion", ("image",), needs_frames=True,
               notes="the text of a prompt is not used", batch="frames"),
        Family("SanaVideoPipeline", "Sana-Video", _T),
        Family("SanaImageToVideoPipeline", "Sana-Video image to video", _I, needs_frames=True, held=True),
        Family("MotifVideoPipeline", "Motif-Video", _T),
    )
}  # fmt: skip
REFUSED = {
    "LTX2Pipeline": "its state is a pair, video and audio, and a particle is one tensor",
    "LTX2ImageToVideoPipeline": "its state is a pair, video and audio, and a particle is one tensor",
    "LTX2ConditionPipeline": "its state is a pair, video and audio, and a particle is one tensor",
    "HunyuanVideoFramepackPipeline": "one call makes several chunks, each with a schedule of its own",
    "HeliosPipeline": "one call makes several chunks, each with a schedule of its own",
}
# Classes that differ in what they take and load the same weights; a prompt with frames chooses among them.
SAME_WEIGHTS = {
    ("WanPipeline", "image"): "WanImageToVideoPipeline",
    ("LTXPipeline", "image"): "LTXImageToVideoPipeline",
    ("SkyReelsV2DiffusionForcingPipeline", "image"): "SkyReelsV2DiffusionForcingImageToVideoPipeline",
    ("SkyReelsV2DiffusionForcingPipeline", "frames"): "SkyReelsV2DiffusionForcingVideoToVideoPipeline",
}
TOO_LONG = (
    "prompt {prompt!r} has {given} conditioning frames, but generator.num_frames={total} counts them too; "
    "set it higher or give a shorter clip"
)


def describe() -> list[dict[str, Any]]:
    """One row per family: pipeline, name, text, image, frames, held, needs_frames, needs, notes, tested, why.

    Classes that cannot be driven come last; they take nothing.
    """
    rows = [
        {
            "pipeline": f.pipeline, "name": f.name, **{kind: kind in f.takes for kind in _ALL}, "held": f.held,
            "chunks": f.chunks, "batch": f.batch,
            "needs_frames": f.needs_frames, "needs": ", ".join(f.needs), "notes": f.notes,
            "tested": f.tested, "why": f.why,
        }
        for f in FAMILIES.values()
    ]  # fmt: skip
    refused = [
        dict.fromkeys(rows[0], False)
        | {"pipeline": p, "name": p, "needs": "", "notes": "", "batch": "", "why": f"cannot run: {why}"}
        for p, why in REFUSED.items()
    ]
    return rows + refused


def check(pipeline: str, frames: int, prompt_id: str) -> None:
    """Raise UsageError unless this pipeline class can do a prompt with so many conditioning frames."""
    if pipeline in REFUSED:
        raise UsageError(
            f"generator.model: {pipeline} cannot be driven one step at a time: {REFUSED[pipeline]}; use "
            + _names(FAMILIES.values())
        )
    family = FAMILIES.get(pipeline, Family(pipeline, pipeline, _T))
    kind = "frames" if frames > 1 else "image"
    if not frames:
        if family.needs_frames:
            wanted = " or ".join(k for k in ("image", "frames") if k in family.takes)
            raise UsageError(
                f"prompt {prompt_id!r} has no conditioning frames, but {pipeline} needs {wanted}; give the prompt "
                f"`image` or `video`, or use " + _names(f for f in FAMILIES.values() if not f.needs_frames)
            )
    elif kind not in family.takes:
        told = " and ".join(family.takes)
        told = "text alone" if told == "text" else f"{told}, one frame at most" if frames > 1 else told
        raise UsageError(
            f"prompt {prompt_id!r} has {frames} conditioning frame{'s' * (frames > 1)}, but {pipeline} takes {told}; "
            "change the prompt, or use " + _names(f for f in FAMILIES.values() if kind in f.takes)
        )


def check_chunks(pipeline: str, chunks: int, call: Mapping[str, Any]) -> None:
    """Raise UsageError where this class cannot make a video in so many chunks, or frames differ in their times."""
    able = [f for f in FAMILIES.values() if f.chunks]
    if chunks > 1 and pipeline not in [f.pipeline for f in able]:
        raise UsageError(
            f"generator.chunks={chunks}: {pipeline} makes a video whole; set chunks=1, or use {_names(able)}"
        )
    if call.get("ar_step"):
        raise UsageError(
            f"generator.call.ar_step={call['ar_step']}: frames at different times cannot be driven one step at a time; "
            "leave ar_step at 0, and set generator.chunks to make one chunk after the other"
        )


def with_same_weights(pipeline: str, frames: int, expands: bool) -> str:
    """The class that does a prompt with so many conditioning frames with the weights of `pipeline`, itself if none.

    expands: the pipeline's `expand_timesteps`, which tells Wan 2.2 TI2V-5B from the models of text alone.
    """
    if not frames or (pipeline == "WanPipeline" and not expands):
        return pipeline
    return SAME_WEIGHTS.get((pipeline, "frames" if frames > 1 else "image"), pipeline)


def encodes_text(pipeline: str, call: Mapping[str, Any]) -> bool:
    """Whether the pipeline will be given a text, rather than none or embeddings."""
    takes = FAMILIES[pipeline].takes if pipeline in FAMILIES else _T
    return "text" in takes and call.get("prompt_embeds") is None


def check_packages(pipeline: str, text: bool) -> None:
    """Raise UsageError for a package that the class needs and that is missing. text: a text is to be encoded."""
    for package in FAMILIES[pipeline].needs if pipeline in FAMILIES else ():
        if (text or package != "ftfy") and find_spec(package) is None:
            raise UsageError(f"generator.model: {pipeline} needs the Python package {package}: pip install {package}")


def _names(families: Iterable[Family]) -> str:
    return ", ".join(f.pipeline for f in families)
