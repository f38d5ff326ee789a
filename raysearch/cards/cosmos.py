"""Cards of Cosmos Predict 2 and 2.5. Their guidance is off by one: 7 is what others call 8."""

from raysearch.cards.card import Card, Said, said

OFFICIAL = "official repository cosmos-predict2 661da47"
OFFICIAL_25 = "official repository cosmos-predict2.5 50369b8"
CALL = "diffusers 0.42.1, default of the call"
LICENCE = said(OFFICIAL, licence="NVIDIA Open Model licence")
NEEDS = Said("cosmos_guardrail and torchvision", "diffusers 0.42.1, source")

CARDS = (
    Card(
        ("nvidia/Cosmos-Predict2-2B-Video2World", "nvidia/Cosmos-Predict2-14B-Video2World"),
        "Cosmos2VideoToWorldPipeline",
        said(CALL, dtype={"default": "bfloat16"}, steps=35, guidance_scale=7.0, height=704, width=1280, num_frames=93,
             fps=16.0),
        {**LICENCE, "packages": NEEDS, "inputs": Said("an image, or a clip, of which the last 5 frames", OFFICIAL,
            "diffusers: every frame that is given", "1 or 5 frames are what it was trained on"),
         "rate": Said("fps, in the positions of the network; 10 has its own weights", OFFICIAL),
         "memory": Said("32.5 GB (2B), 56.4 GB (14B)", OFFICIAL)},
    ),
    Card(
        ("nvidia/Cosmos-Predict2.5-2B",),
        "Cosmos2_5_PredictBasePipeline",
        said(CALL, dtype={"default": "bfloat16"}, steps=36, guidance_scale=7.0, height=704, width=1280, num_frames=93,
             fps=16.0, revision="diffusers/base/post-trained"),
        {**LICENCE, "packages": NEEDS, "inputs": Said("text; an image, or the last 5 frames of a clip", CALL),
         "rate": Said("no argument: the network does not know it", "diffusers 0.42.1, source")},
        lengths=(1,),
    ),
)  # fmt: skip
