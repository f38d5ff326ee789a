"""Cards of CogVideoX."""

from raysearch.cards.card import EXAMPLE, HUB, Card, Stated, stated

OFFICIAL = "official repository CogVideo 7a1af71"

DYNAMIC = Stated(True, f"{OFFICIAL}; {EXAMPLE} of image to video",
                 "diffusers' default and its example of text: not set",
                 "the makers' own with a trailing schedule")  # fmt: skip
TRAILING = Stated("trailing", OFFICIAL, "hub folder: trailing")
FACTS = {
    "rate": Stated("no argument: the network does not know it", "diffusers 0.42.1, source"),
    "scheduler": Stated("DDIM of the same table, since the DPM of the makers is stochastic", "raysearch"),
    "prompt": Stated("English, 226 tokens (224 of the 1.5 models)", OFFICIAL),
}
FIVE = {
    **stated(OFFICIAL, dtype={"default": "bfloat16"}, steps=50, guidance_scale=6.0, height=480, width=720,
             num_frames=49, fps=8.0),
    "call.use_dynamic_cfg": DYNAMIC,
    "scheduler.timestep_spacing": TRAILING,
}  # fmt: skip
ONE_FIVE = FIVE | stated(OFFICIAL, height=768, width=1360, num_frames=81, fps=16.0)
LICENCE = stated(OFFICIAL, licence="CogVideoX licence: register for commercial use")

CARDS = (
    Card(
        ("THUDM/CogVideoX-2b",),
        "CogVideoXPipeline",
        {**stated(OFFICIAL, dtype={"default": "float16"}, steps=50, guidance_scale=6.0, height=480, width=720,
                num_frames=49, fps=8.0, call__use_dynamic_cfg=False),
         "scheduler.snr_shift_scale": Stated(3.0, HUB)},
        {**FACTS, **stated(OFFICIAL, licence="Apache 2.0", memory="4 GB at least, 18 GB of the original code")},
        lengths=(9, 17, 25, 33, 41),
    ),
    Card(("THUDM/CogVideoX-5b",), "CogVideoXPipeline", FIVE,
         {**FACTS, **LICENCE, **stated(OFFICIAL, memory="5 GB at least, 26 GB of the original code")},
         lengths=(9, 17, 25, 33, 41)),
    Card(("THUDM/CogVideoX-5b-I2V",), "CogVideoXImageToVideoPipeline", FIVE,
         {**FACTS, **LICENCE, **stated(OFFICIAL, inputs="image")}, lengths=(9, 17, 25, 33, 41)),
    Card(("THUDM/CogVideoX1.5-5B",), "CogVideoXPipeline", ONE_FIVE,
         {**FACTS, **LICENCE, **stated(OFFICIAL, memory="10 GB at least, 76 GB of the original code")}, lengths=(161,)),
    Card(("THUDM/CogVideoX1.5-5B-I2V",), "CogVideoXImageToVideoPipeline", ONE_FIVE,
         {**FACTS, **LICENCE, **stated(OFFICIAL, inputs="image; shorter side 768, longer side 768 to 1360")},
         lengths=(161,)),
)  # fmt: skip
