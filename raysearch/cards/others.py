"""Cards of families with one model or two: Mochi, Motif, Sana-Video and Stable Video Diffusion."""

from raysearch.cards.card import Card, Said, said

CALL = "diffusers 0.42.1, default of the call"
EXAMPLE = "diffusers 0.42.1, example of the pipeline"
DOCS = "diffusers' documentation"
HUB = "hub folder (diffusers' conversion script)"
RATE = {"rate": Said("no argument: the network does not know it", "diffusers 0.42.1, source")}
SANA = {
    "dtype": Said({"default": "bfloat16", "vae": "float32"}, EXAMPLE),
    **said(EXAMPLE, steps=50, guidance_scale=6.0, height=480, width=832, num_frames=81, fps=16.0),
    "negative_prompt": Said(
        "A chaotic sequence with misshapen, deformed limbs in heavy motion blur, sudden disappearance, jump cuts, "
        "jerky movements, rapid shot changes, frames out of sync, inconsistent character shapes, temporal artifacts, "
        "jitter, and ghosting effects, creating a disorienting visual experience.", EXAMPLE),
}  # fmt: skip

CARDS = (
    Card(
        ("genmo/mochi-1-preview",),
        "MochiPipeline",
        {
            "dtype": Said({"default": "bfloat16", "text_encoder": "float32", "vae": "float32"},
                          f"{DOCS}, page of Mochi, for quality", "the same page, to save memory: bfloat16 throughout",
                          "quality; autocast, which the page adds, is not used here"),
            "steps": Said(64, CALL, "diffusers' example: 28", "the pipeline's own"),
            "guidance_scale": Said(4.5, CALL, "diffusers' example: 3.5", "the pipeline's own"),
            "num_frames": Said(85, EXAMPLE, "default of the call: 19", "the default shows less than a second"),
            "tiling": Said(True, EXAMPLE),
            **said(CALL, height=480, width=848, fps=30.0),
        },
        {"licence": Said("Apache 2.0", DOCS), "memory": Said("22 GB in bfloat16, 70 GB for quality", DOCS), **RATE},
        lengths=(19, 163),
    ),
    Card(
        ("Motif-Technologies/Motif-Video-2B",),
        "MotifVideoPipeline",
        said(CALL, dtype={"default": "bfloat16"}, steps=50, height=736, width=1280, num_frames=121, fps=24.0),
        {"guidance": Said("in the guider, as the hub folder has it", HUB), "memory": Said("30 GB", DOCS), **RATE},
    ),
    Card(
        ("Efficient-Large-Model/SANA-Video_2B_480p_diffusers",),
        "SanaVideoPipeline",
        SANA | {"scheduler.flow_shift": Said(8.0, HUB, "an example of image to video sets flow_shift on a scheduler "
                                             "whose name for it is shift, which leaves 1", "the hub's own")},
        {**RATE, "prompt": Said('ends with " motion score: 30."', EXAMPLE)},
    ),
    Card(
        ("stabilityai/stable-video-diffusion-img2vid-xt",),
        "StableVideoDiffusionPipeline",
        said(CALL, dtype={"default": "float16"}, steps=25, height=576, width=1024, num_frames=25, fps=7.0,
             call__min_guidance_scale=1.0, call__max_guidance_scale=3.0, call__motion_bucket_id=127,
             call__noise_aug_strength=0.02) | said(EXAMPLE, call__decode_chunk_size=8),
        {"inputs": Said("image; no text", CALL), "rate": Said("fps, which the network gets minus one", CALL)},
    ),
    Card(
        ("stabilityai/stable-video-diffusion-img2vid",),
        "StableVideoDiffusionPipeline",
        said(CALL, dtype={"default": "float16"}, steps=25, height=576, width=1024, num_frames=14, fps=7.0,
             call__min_guidance_scale=1.0, call__max_guidance_scale=3.0, call__motion_bucket_id=127,
             call__noise_aug_strength=0.02) | said(EXAMPLE, call__decode_chunk_size=8),
        {"inputs": Said("image; no text", CALL), "rate": Said("fps, which the network gets minus one", CALL)},
    ),
)  # fmt: skip
