"""Cards of families with one model or two: Mochi, Motif, Sana-Video and Stable Video Diffusion."""

from raysearch.cards.card import CALL, EXAMPLE, HUB, Card, Stated, stated

DOCS = "diffusers' documentation"
RATE = {"rate": Stated("no argument: the network does not know it", "diffusers 0.42.1, source")}
SANA = {
    "dtype": Stated({"default": "bfloat16", "vae": "float32"}, EXAMPLE),
    **stated(EXAMPLE, steps=50, guidance_scale=6.0, height=480, width=832, num_frames=81, fps=16.0),
    "negative_prompt": Stated(
        "A chaotic sequence with misshapen, deformed limbs in heavy motion blur, sudden disappearance, jump cuts, "
        "jerky movements, rapid shot changes, frames out of sync, inconsistent character shapes, temporal artifacts, "
        "jitter, and ghosting effects, creating a disorienting visual experience.", EXAMPLE),
}  # fmt: skip


def _svd(model: str, frames: int) -> Card:
    """Of Stable Video Diffusion there are two models, which differ in the number of frames that they were made for."""
    return Card(
        (model,),
        "StableVideoDiffusionPipeline",
        stated(CALL, dtype={"default": "float16"}, steps=25, height=576, width=1024, num_frames=frames, fps=7.0,
               call__min_guidance_scale=1.0, call__max_guidance_scale=3.0, call__motion_bucket_id=127,
               call__noise_aug_strength=0.02) | stated(EXAMPLE, call__decode_chunk_size=8),
        {"inputs": Stated("image; no text", CALL), "rate": Stated("fps, which the network gets minus one", CALL)},
    )  # fmt: skip


CARDS = (
    Card(
        ("genmo/mochi-1-preview",),
        "MochiPipeline",
        {
            "dtype": Stated({"default": "bfloat16", "text_encoder": "float32", "vae": "float32"},
                          f"{DOCS}, page of Mochi, for quality", "the same page, to save memory: bfloat16 throughout",
                          "quality; autocast, which the page adds, is not used here"),
            "steps": Stated(64, CALL, "diffusers' example: 28", "the pipeline's own"),
            "guidance_scale": Stated(4.5, CALL, "diffusers' example: 3.5", "the pipeline's own"),
            "num_frames": Stated(85, EXAMPLE, "default of the call: 19", "the default shows less than a second"),
            "tiling": Stated(True, EXAMPLE),
            **stated(CALL, height=480, width=848, fps=30.0),
        },
        {"licence": Stated("Apache 2.0", DOCS), "memory": Stated("22 GB in bfloat16, 70 GB for quality", DOCS), **RATE},
        lengths=(19, 163),
    ),
    Card(
        ("Motif-Technologies/Motif-Video-2B",),
        "MotifVideoPipeline",
        stated(CALL, dtype={"default": "bfloat16"}, steps=50, height=736, width=1280, num_frames=121, fps=24.0),
        {"guidance": Stated("in the guider, as the hub folder has it", HUB), "memory": Stated("30 GB", DOCS), **RATE},
    ),
    Card(
        ("Efficient-Large-Model/SANA-Video_2B_480p_diffusers",),
        "SanaVideoPipeline",
        SANA | {"scheduler.flow_shift": Stated(8.0, HUB, "an example of image to video sets flow_shift on a scheduler "
                                             "whose name for it is shift, which leaves 1", "the hub's own")},
        {**RATE, "prompt": Stated('ends with " motion score: 30."', EXAMPLE)},
    ),
    _svd("stabilityai/stable-video-diffusion-img2vid-xt", 25),
    _svd("stabilityai/stable-video-diffusion-img2vid", 14),
)  # fmt: skip
