"""Cards of Cosmos Predict 1, 2 and 2.5. Their guidance is off by one: 7 is what others call 8."""

from raysearch.cards.card import CALL, Card, Stated, stated

OFFICIAL = "official repository cosmos-predict2 661da47"
OFFICIAL_25 = "official repository cosmos-predict2.5 50369b8"
LICENCE = stated(OFFICIAL, licence="NVIDIA Open Model licence")
NEEDS = Stated("cosmos_guardrail and torchvision", "diffusers 0.42.1, source")

FIRST = stated(CALL, dtype={"default": "bfloat16"}, steps=36, guidance_scale=7.0, height=704, width=1280,
               num_frames=121, fps=30.0)  # fmt: skip
FIRST_FACTS = {
    **LICENCE,
    "packages": NEEDS,
    "rate": Stated("fps, which the network is told", "diffusers 0.42.1, source"),
}

CARDS = (
    Card(("nvidia/Cosmos-1.0-Diffusion-7B-Text2World",), "CosmosTextToWorldPipeline", FIRST, FIRST_FACTS),
    Card(
        ("nvidia/Cosmos-1.0-Diffusion-7B-Video2World",),
        "CosmosVideoToWorldPipeline",
        FIRST,
        {**FIRST_FACTS, "inputs": Stated("an image, or a clip, all of it", "diffusers 0.42.1, source")},
    ),
    Card(
        ("nvidia/Cosmos-Predict2-2B-Video2World", "nvidia/Cosmos-Predict2-14B-Video2World"),
        "Cosmos2VideoToWorldPipeline",
        stated(CALL, dtype={"default": "bfloat16"}, steps=35, guidance_scale=7.0, height=704, width=1280, num_frames=93,
             fps=16.0),
        {**LICENCE, "packages": NEEDS, "inputs": Stated("an image, or a clip, of which the last 5 frames", OFFICIAL,
            "diffusers: every frame that is given", "1 or 5 frames are what it was trained on"),
         "rate": Stated("fps, in the positions of the network; 10 has its own weights", OFFICIAL),
         "memory": Stated("32.5 GB (2B), 56.4 GB (14B)", OFFICIAL)},
    ),
    Card(
        ("nvidia/Cosmos-Predict2.5-2B",),
        "Cosmos2_5_PredictBasePipeline",
        stated(CALL, dtype={"default": "bfloat16"}, steps=36, guidance_scale=7.0, height=704, width=1280, num_frames=93,
             fps=16.0, revision="diffusers/base/post-trained"),
        {**LICENCE, "packages": NEEDS, "inputs": Stated("text; an image, or the last 5 frames of a clip", CALL),
         "rate": Stated("no argument: the network does not know it", "diffusers 0.42.1, source")},
        lengths=(1,),
    ),
)  # fmt: skip
