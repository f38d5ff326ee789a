"""Cards of SkyReels V2."""

from raysearch.cards.card import EXAMPLE, HUB, Card, Stated, Values, stated

OFFICIAL = "official repository SkyReels-V2 abed76f"
UNSET = f"{HUB}: not set, so 1"
DTYPE = Stated({"default": "bfloat16", "vae": "float32"}, EXAMPLE)
DTYPE_CLIP = Stated({"default": "bfloat16", "vae": "float32", "image_encoder": "float32"}, EXAMPLE)
EIGHT = Stated(8.0, f"{OFFICIAL}; {EXAMPLE}", UNSET, "the hub's is no choice of the makers")
SMALL = stated(OFFICIAL, height=544, width=960, num_frames=97, fps=24.0)
LARGE = stated(OFFICIAL, height=720, width=1280, num_frames=121, fps=24.0)
FORCING = {
    "dtype": DTYPE, "scheduler.flow_shift": EIGHT, **stated(f"{OFFICIAL}; {EXAMPLE}", steps=30, guidance_scale=6.0),
    **stated(OFFICIAL, call__addnoise_condition=20),
}  # fmt: skip
TEXT = {"dtype": DTYPE, "scheduler.flow_shift": EIGHT, **stated(OFFICIAL, steps=50, guidance_scale=6.0)}
IMAGE = {
    "dtype": DTYPE_CLIP,
    "scheduler.flow_shift": Stated(3.0, OFFICIAL, f"diffusers' example: 5; {UNSET}", "the makers' own"),
    **stated(OFFICIAL, steps=50, guidance_scale=5.0),
}
FACTS: Values = {
    "licence": Stated("Skywork's own", OFFICIAL),
    "memory": Stated("14.7 GB (1.3B), 43.4 to 51.2 GB (14B) at 540p", OFFICIAL),
    "rate": Stated(
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
         "SkyReelsV2ImageToVideoPipeline", IMAGE | SMALL, {**FACTS, "inputs": Stated("image", EXAMPLE)}),
    Card(("Skywork/SkyReels-V2-I2V-14B-720P-Diffusers",), "SkyReelsV2ImageToVideoPipeline", IMAGE | LARGE,
         {**FACTS, "inputs": Stated("image", EXAMPLE)}),
)  # fmt: skip
