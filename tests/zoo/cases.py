"""Every family of pipelines, tiny, and what is to be expected of it. The contract suite and the table read this.

fidelity, mean: the greatest and the mean difference of pixels (videos lie in [0, 1]) to the untouched pipeline with its
own scheduler, and `why` they are not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch

from examples.tiny_parts import film, flow, normal, unipc
from tests.zoo import cosmos3, hunyuan, ltx2, minimax, others, wan

TEXT = {"negative_prompt": "bad quality", "max_sequence_length": 16}
ROUNDING = "fp32 rounding"
EIGHT_BITS = "its guardrail rounds to 8 bits"
FIRST = "against the stock solver at order 1; a video made whole has its second order by `search.kernel: stock`"


@dataclass(frozen=True)
class Case:
    """given: conditioning frames. stock: builds the pipeline to compare with, where it is not `build`. held: they stand
    still in the latents. chunks: it is made in so many. doubled: frames that the stock call shows twice. alone: of
    a family whose particles can share a call, but not so. needs: Python packages without which it cannot run."""

    id: str
    pipeline: str
    build: Callable[[], Any]
    call: Callable[[], dict[str, Any]]
    given: int = 0
    side: int = 16
    fidelity: float = 1e-5
    mean: float = 1e-6
    why: str = ROUNDING
    stock: Callable[[], Any] | None = None
    held: bool = False
    chunks: int = 1
    doubled: int = 0
    alone: bool = False
    needs: tuple[str, ...] = field(default=())

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        lacking = [m for m in self.needs if find_spec(m) is None]
        return f"needs {', '.join(lacking)}" if lacking else ""

    def frames(self, seed: int = 0) -> Any:
        return film(self.given, self.side, seed) if self.given else None


def size(side: int, frames: int = 9, **more: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"height": side, "width": side, "num_frames": frames, **TEXT, **more}


def wan_size(side: int = 16, frames: int = 9, **more: Any) -> Callable[[], dict[str, Any]]:
    """Text as embeddings: these pipelines clean texts by ftfy, which not every machine has."""
    return lambda: untexted(
        side, frames, prompt_embeds=normal(1, 1, 12, 32), negative_prompt_embeds=normal(2, 1, 12, 32), **more
    )


def untexted(side: int, frames: int, **more: Any) -> dict[str, Any]:
    return {"height": side, "width": side, "num_frames": frames, **more}


def hunyuan_call() -> dict[str, Any]:
    embeds = {"prompt_embeds": normal(3, 1, 12, 16), "pooled_prompt_embeds": normal(4, 1, 8)}
    return untexted(16, 9, **embeds, prompt_attention_mask=normal(0, 1, 12) * 0 + 1, guidance_scale=4.5)


def concatenated_call() -> dict[str, Any]:
    return hunyuan_call() | {"num_frames": 13, "true_cfg_scale": 2.0} | {
        "negative_prompt_embeds": normal(5, 1, 12, 16), "negative_pooled_prompt_embeds": normal(6, 1, 8),
        "negative_prompt_attention_mask": normal(0, 1, 12) * 0 + 1,
    }  # fmt: skip


def ltx2_call() -> dict[str, Any]:
    call = untexted(32, 9, guidance_scale=3.0, audio_guidance_scale=2.0, spatio_temporal_guidance_blocks=[0])
    for seed, prefix in enumerate(("", "negative_")):
        call[f"{prefix}prompt_embeds"] = normal(seed, 1, 8, ltx2.WIDTH * ltx2.LAYERS)
        call[f"{prefix}prompt_attention_mask"] = torch.ones(1, 8, dtype=torch.int64)
    return call


def minimax_call() -> dict[str, Any]:
    """The shortest video that it makes."""
    return untexted(32, 124, prompt_embeds=normal(1, 1, 6, minimax.WIDTH), text_token_tags=torch.ones(6).long())


def own_times() -> Any:
    """The sound has a schedule of its own."""
    return ltx2.ltx2("Condition", audio_scheduler=flow(shift=3.0))


def kandinsky_call(frames: int = 9) -> dict[str, Any]:
    call = untexted(16, frames, guidance_scale=3.0)
    for seed, prefix in enumerate(("", "negative_")):
        call[f"{prefix}prompt_embeds_qwen"] = normal(seed, 1, 6, 16)
        call[f"{prefix}prompt_embeds_clip"] = normal(seed, 1, 8)
        call[f"{prefix}prompt_cu_seqlens"] = torch.tensor([0, 6], dtype=torch.int32)
    return call


def redrawn_call(call: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The call of a pipeline that makes a new version of a clip and takes its length from it."""
    return lambda: {k: v for k, v in call().items() if k != "num_frames"} | {"strength": 0.8}


def hunyuan15_call() -> dict[str, Any]:
    call = untexted(16, 9)
    for seed, prefix in enumerate(("", "negative_")):
        for suffix, tokens, width in (("", 12, 16), ("_2", 6, 32)):
            call[f"{prefix}prompt_embeds{suffix}"] = normal(seed, 1, tokens, width)
            call[f"{prefix}prompt_embeds_mask{suffix}"] = normal(0, 1, tokens) * 0 + 1
    return call


def motif_call() -> dict[str, Any]:
    call = untexted(16, 9)
    for seed, prefix in enumerate(("", "negative_")):
        call[f"{prefix}prompt_embeds"] = normal(seed, 1, 12, 32)
        call[f"{prefix}prompt_attention_mask"] = normal(0, 1, 12) * 0 + 1
    return call


def cosmos25_call() -> dict[str, Any]:
    embeds = {"prompt_embeds": normal(3, 1, 12, 32), "negative_prompt_embeds": normal(4, 1, 12, 32)}
    return untexted(32, 9, **embeds, guidance_scale=3.0)


def cosmos3_call(sound: bool) -> dict[str, Any]:
    return untexted(32, 13, guidance_scale=3.0, negative_prompt="bad quality", enable_sound=sound)


def references_call() -> dict[str, Any]:
    from PIL import Image

    return wan_size(reference_images=[Image.fromarray(film(1, 16, 3)[0])])()


def middle_call() -> dict[str, Any]:
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    first, middle = (Image.fromarray(film(1, 32, seed)[0]) for seed in (0, 9))
    hard, soft = LTXVideoCondition(image=first), LTXVideoCondition(image=middle, frame_index=8, strength=0.7)
    return ltx_long() | {"conditions": [hard, soft]}


W, WI, V = "WanPipeline", "WanImageToVideoPipeline", "WanVACEPipeline"
H3 = "MiniMaxH3ModularPipeline"
L2C = "LTX2ConditionPipeline"
L, LI, LC = "LTXPipeline", "LTXImageToVideoPipeline", "LTXConditionPipeline"
HI = "HunyuanVideoImageToVideoPipeline"
C1 = "CosmosVideoToWorldPipeline"
C3 = "Cosmos3OmniPipeline"
C2, C25 = "Cosmos2VideoToWorldPipeline", "Cosmos2_5_PredictBasePipeline"
S = "SkyReelsV2DiffusionForcing{}Pipeline"
ltx_size, ltx_long = size(32, guidance_scale=3.0), size(32, 17, guidance_scale=3.0, image_cond_noise_scale=0.0)
tv = ("torchvision",)
first_order = wan.FIRST_ORDER
two_chunks = wan_size(16, 21, overlap_history=5, base_num_frames=13)
smallest: dict[str, Any] = dict(fidelity=0.2, mean=3e-3, why="the stock call ends with noise of its smallest sigma on "
                                "the given frames; 0 without it. Its guardrail rounds to 8 bits")  # fmt: skip

CASES = [
    Case("wan", W, wan.wan, wan_size()),
    Case("wan-text", W, wan.wan, size(16), needs=("ftfy",)),
    Case("wan-unipc", W, wan.wan_unipc, wan_size(), why=FIRST, stock=lambda: wan.wan_unipc(**first_order)),
    Case("wan-two-experts", W, wan.wan_two_experts, wan_size(guidance_scale_2=3.0)),
    Case("wan-5b", W, wan.wan_5b, wan_size()),
    Case("wan-image", WI, wan.wan_image, wan_size(), given=1),
    Case("wan-image-5b", WI, wan.wan_image_5b, wan_size(), given=1, held=True),
    Case("wan-redrawn", "WanVideoToVideoPipeline", wan.wan_video, redrawn_call(wan_size()), given=9),
    Case("wan-redrawn-unipc", "WanVideoToVideoPipeline", lambda: wan.wan_video(unipc(3.0)), redrawn_call(wan_size()),
         given=9, why=FIRST, stock=lambda: wan.wan_video(unipc(3.0, **first_order))),
    Case("vace", V, wan.vace, wan_size()),
    Case("vace-image", V, wan.vace, wan_size(), given=1),
    Case("vace-continuation", V, wan.vace, wan_size(), given=5),
    Case("vace-reference", V, wan.vace, references_call),
    Case("ltx", L, others.ltx, ltx_size),
    Case("ltx-timed-decoder", L, partial(others.ltx, timed=True),
         size(32, guidance_scale=3.0, decode_timestep=0.05, decode_noise_scale=0.025)),
    Case("ltx-image", LI, partial(others.ltx, "ImageToVideo"), ltx_size, given=1, side=32, held=True),
    Case("ltx-condition", LC, others.ltx_condition, ltx_long),
    Case("ltx-condition-image", LC, others.ltx_condition, ltx_long, given=1, side=32, held=True),
    Case("ltx-condition-continuation", LC, others.ltx_condition, ltx_long, given=9, side=32, held=True),
    Case("ltx-condition-middle", LC, others.ltx_condition, middle_call, alone=True),
    Case("ltx-condition-noised", LC, others.ltx_condition, size(32, 17, image_cond_noise_scale=0.15), given=1, side=32,
         held=True, fidelity=0.1, mean=0.01,
         why="the stock call leaves the last step's noise on the given frames"),
    Case("ltx-2", "LTX2Pipeline", ltx2.ltx2, ltx2_call),
    Case("ltx-2-image", "LTX2ImageToVideoPipeline", partial(ltx2.ltx2, "ImageToVideo"), ltx2_call, given=1, side=32,
         held=True),
    Case("ltx-2-condition", L2C, partial(ltx2.ltx2, "Condition"), ltx2_call),
    Case("ltx-2-condition-image", L2C, partial(ltx2.ltx2, "Condition"), ltx2_call, given=1, side=32, held=True),
    Case("ltx-2-condition-continuation", L2C, own_times, ltx2_call, given=5, side=32, held=True),
    Case("minimax-h3", H3, minimax.minimax_h3, minimax_call),
    Case("minimax-h3-image", H3, minimax.minimax_h3, minimax_call, given=1, side=32),
    Case("minimax-h3-text", H3, minimax.minimax_h3_text, partial(untexted, 32, 124), needs=tv),
    Case("minimax-h3-text-image", H3, minimax.minimax_h3_text, partial(untexted, 32, 124), given=1, side=32, needs=tv),
    Case("cogvideox", "CogVideoXPipeline", others.cog, size(16)),
    Case("cogvideox-dpm", "CogVideoXPipeline", partial(others.cog, dpm=True), size(16), stock=others.cog,
         why="against the stock DDIM: the stock DPM is stochastic"),
    Case("cogvideox-image", "CogVideoXImageToVideoPipeline", partial(others.cog, "ImageToVideo"), size(16), given=1),
    Case("cogvideox-redrawn", "CogVideoXVideoToVideoPipeline", partial(others.cog, "VideoToVideo"),
         redrawn_call(size(16)), given=9),
    Case("hunyuan", "HunyuanVideoPipeline", hunyuan.hunyuan, hunyuan_call),
    Case("hunyuan-image-replaced", HI, hunyuan.replaced, hunyuan_call, given=1, held=True),
    Case("hunyuan-image-concatenated", HI, hunyuan.concatenated, concatenated_call, given=1),
    Case("skyreels-v1-image", "HunyuanSkyreelsImageToVideoPipeline", hunyuan.skyreels_v1, hunyuan_call, given=1),
    Case("hunyuan-1.5", "HunyuanVideo15Pipeline", hunyuan.hunyuan15, hunyuan15_call),
    Case("hunyuan-1.5-image", "HunyuanVideo15ImageToVideoPipeline", partial(hunyuan.hunyuan15, "ImageToVideo"),
         hunyuan15_call, given=1),
    Case("kandinsky-5", "Kandinsky5T2VPipeline", hunyuan.kandinsky, kandinsky_call),
    Case("kandinsky-5-plain", "Kandinsky5T2VPipeline", partial(hunyuan.kandinsky, conditions=False), kandinsky_call),
    Case("kandinsky-5-image", "Kandinsky5I2VPipeline", partial(hunyuan.kandinsky, "I2V"),
         partial(kandinsky_call, 21), given=1, held=True),
    Case("cosmos-1", "CosmosTextToWorldPipeline", wan.cosmos1, size(32), fidelity=1 / 255, why=EIGHT_BITS,
         needs=tv),
    Case("cosmos-1-image", C1, partial(wan.cosmos1, "VideoToWorld"), size(32), given=1, side=32, held=True, needs=tv,
         **smallest),
    Case("cosmos-1-continuation", C1, partial(wan.cosmos1, "VideoToWorld"), size(32, 13), given=5, side=32, held=True,
         needs=tv, **smallest),
    Case("cosmos-2-image", C2, wan.cosmos2, size(32), given=1, side=32, held=True, needs=tv, **smallest),
    Case("cosmos-2-continuation", C2, wan.cosmos2, size(32), given=5, side=32, held=True, needs=tv, **smallest),
    Case("cosmos-2.5", C25, wan.cosmos25, cosmos25_call, side=32, needs=tv),
    Case("cosmos-2.5-image", C25, wan.cosmos25, cosmos25_call, given=1, alone=True, side=32, held=True, needs=tv),
    Case("cosmos-2.5-continuation", C25, wan.cosmos25, cosmos25_call, given=5, alone=True, side=32, held=True,
         needs=tv),
    *(Case(f"cosmos-3{name}", C3, partial(cosmos3.cosmos3, flow_times=times), partial(cosmos3_call, sound), given=given,
           side=32, held=bool(given), why=FIRST,
           stock=partial(cosmos3.cosmos3, flow_times=times, **first_order))
      for name, given, sound, times in (
        ("", 0, False, False), ("-native-times", 0, False, True), ("-image", 1, False, False),
        ("-continuation", 5, False, False), ("-sound", 0, True, False), ("-image-sound", 1, True, False))),
    Case("skyreels", S.format(""), wan.skyreels, wan_size(), why=FIRST,
         stock=lambda: wan.skyreels(scheduler=unipc(8.0, **first_order))),
    Case("skyreels-image", S.format("ImageToVideo"), partial(wan.skyreels, "ImageToVideo"), wan_size(), given=1,
         held=True, why=FIRST, stock=lambda: wan.skyreels("ImageToVideo", unipc(8.0, **first_order))),
    Case("skyreels-continuation", S.format("VideoToVideo"), partial(wan.skyreels, "VideoToVideo"), wan_size(), given=5,
         held=True, doubled=5, why=FIRST, stock=lambda: wan.skyreels("VideoToVideo", unipc(8.0, **first_order))),
    *(Case(f"{name}-chunks", S.format(kind), partial(wan.skyreels, kind), two_chunks, given=given, held=bool(given),
           doubled=given if given > 1 else 0, chunks=2, why=FIRST, stock=stock)
      for name, kind, given, stock in (
        ("skyreels", "", 0, lambda: wan.skyreels("", unipc(8.0, **first_order))),
        ("skyreels-image", "ImageToVideo", 1, lambda: wan.skyreels("ImageToVideo", unipc(8.0, **first_order))),
        ("skyreels-continuation", "VideoToVideo", 5,
         lambda: wan.skyreels("VideoToVideo", unipc(8.0, **first_order))))),
    Case("skyreels-plain", "SkyReelsV2Pipeline", wan.skyreels_plain, wan_size()),
    Case("skyreels-plain-image", "SkyReelsV2ImageToVideoPipeline", wan.skyreels_plain_image, wan_size(), given=1),
    Case("mochi", "MochiPipeline", others.mochi, size(16, 7)),
    Case("svd", "StableVideoDiffusionPipeline", others.svd,
         lambda: untexted(32, 3, min_guidance_scale=1.0, max_guidance_scale=2.5), given=1, side=32),
    Case("sana", "SanaVideoPipeline", partial(wan.sana, flow(shift=8.0)),
         size(32, use_resolution_binning=False, complex_human_instruction=[])),
    Case("sana-image", "SanaImageToVideoPipeline", partial(wan.sana, flow(shift=8.0), "ImageToVideo"),
         size(32, use_resolution_binning=False, complex_human_instruction=[]), given=1, side=32, held=True),
    Case("sana-dpm", "SanaVideoPipeline", wan.sana_dpm,
         size(32, use_resolution_binning=False, complex_human_instruction=[]), why=FIRST,
         stock=lambda: wan.sana_dpm(solver_order=1)),
    Case("motif", "MotifVideoPipeline", wan.motif, motif_call),
    Case("motif-image", "MotifVideoImage2VideoPipeline", partial(wan.motif, "Image2Video"), motif_call, given=1),
]  # fmt: skip
CANNOT_RUN_HERE = {c.id: c.missing for c in CASES if c.missing}
