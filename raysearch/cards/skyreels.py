"""Cards of SkyReels V2."""

from raysearch.cards.card import Card, Said, Values, said

OFFICIAL = "official repository SkyReels-V2 abed76f"
EXAMPLE = "diffusers 0.42.1, example of the pipeline"
HUB = "hub folder (diffusers' conversion script)"
UNSET = f"{HUB}: not set, so 1"
DTYPE = Said({"default": "bfloat16", "vae": "float32"}, EXAMPLE)
DTYPE_CLIP = Said({"default": "bfloat16", "vae": "float32", "image_encoder": "float32"}, EXAMPLE)
EIGHT = Said(8.0, f"{OFFICIAL}; {EXAMPLE}", UNSET, "the hub's is no choice of the makers")
SMALL = said(OFFICIAL, height=544, width=960, num_frames=97, fps=24.0)
LARGE = said(OFFICIAL, height=720, width=1280, num_frames=121, fps=24.0)
FORCING = {
    "dtype": DTYPE, "scheduler.flow_shift": EIGHT, **said(f"{OFFICIAL}; {EXAMPLE}", steps=30, guidance_scale=6.0),
    **said(OFFICIAL, call__addnoise_condition=20),
}  # fmt: skip
TEXT = {"dtype": DTYPE, "scheduler.flow_shift": EIGHT, **said(OFFICIAL, steps=50, guidance_scale=6.0)}
IMAGE = {
    "dtype": DTYPE_CLIP,
    "scheduler.flow_shift": Said(3.0, OFFICIAL, f"diffusers' example: 5; {UNSET}", "the makers' own"),
    **said(OFFICIAL, steps=50, guidance_scale=5.0),
}
FACTS: Values = {
    "licence": Said("Skywork's own", OFFICIAL),
    "memory": Said("14.7 GB (1.3B), 43.4 to 51.2 GB (14B) at 540p", OFFICIAL),
    "rate": Said(
        "fps, of which the network tells 16 from any other (diffusion forcing alone)", "diffusers 0.42.1, source"
    ),
}

CARDS = (
    Card(("Skywork/SkyReels-V2-DF-14B-540P-Diffusers", "Skywork/SkyReels-V2-DF-1.3B-540P-Diffusers"),
         "SkyReelsV2DiffusionForcingPipeline", FORCING | SMALL, FACTS),
    Card(("Skywork/SkyReels-V2-DF-14B-720P-Diffusers",), "SkyReelsV2DiffusionForcingPipeline", FORCING | LARGE, FACTS),
    Card(("Skywork/SkyReels-V2-T2V-14B-540P-Diffusers",), "SkyReelsV2Pipeline", TEXT | SMALL, FACTS),
    Card(("Skywork/SkyReels-V2-T2V-14B-720P-Diffusers",), "SkyReelsV2Pipeline", TEXT | LARGE, FACTS),
    Card(("Skywork/SkyReels-V2-I2V-14B-540P-Diffusers", "Skywork/SkyReels-V2-I2V-1.3B-540P-Diffusers"),
         "SkyReelsV2ImageToVideoPipeline", IMAGE | SMALL, {**FACTS, "inputs": Said("image", EXAMPLE)}),
    Card(("Skywork/SkyReels-V2-I2V-14B-720P-Diffusers",), "SkyReelsV2ImageToVideoPipeline", IMAGE | LARGE,
         {**FACTS, "inputs": Said("image", EXAMPLE)}),
)  # fmt: skip
