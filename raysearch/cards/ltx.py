"""Cards of LTX-Video 0.9."""

from raysearch.cards.card import EXAMPLE, Card, Stated, stated

OFFICIAL = "official repository LTX-Video 5260738"
DOCS = "diffusers' documentation, page of LTX-Video"

NEGATIVE = "worst quality, inconsistent motion, blurry, jittery, distorted"
COMMON = {
    **stated(EXAMPLE, dtype={"default": "bfloat16"}, negative_prompt=NEGATIVE, fps=24.0, height=480, width=704),
    "steps": Stated(40, OFFICIAL, "diffusers' default: 50", "the makers' own"),
    "guidance_scale": Stated(3.0, OFFICIAL, "an example of diffusers: 5", "the makers' own, but without their guidance "
                           "of skipped blocks (scale 1, rescaled by .7), which this pipeline does not have"),
    "num_frames": Stated(161, EXAMPLE, "official: 121", "both are 8k + 1"),
}  # fmt: skip
DECODE = {
    "call.decode_timestep": Stated(0.05, f"{OFFICIAL}; {DOCS}", "default of the call: 0; an example: 0.03",
                                 "the decoder of 0.9.1 and later takes a time"),
    "call.decode_noise_scale": Stated(0.025, f"{OFFICIAL}; {DOCS}", "default of the call: that of decode_timestep",
                                    "as published"),
}  # fmt: skip
CONDITION = COMMON | DECODE | {
    "call.image_cond_noise_scale": Stated(0.0, f"{EXAMPLE} of 0.9.7 and later", "default: 0.15; a note: 0.025",
                                        "given frames stay as they are, which is what held means here"),
}  # fmt: skip
FACTS = {
    "rate": Stated("frame_rate, in the positions of the network", "diffusers 0.42.1, source"),
    "frames": Stated("8k + 1; of a clip, the last 8k + 1 here, the first in diffusers", "diffusers 0.42.1, source"),
    "memory": Stated("10 GB with offloading (2B)", DOCS),
}
DEV = Stated(30, f"{DOCS}, first pass of 0.9.7", "official: lists of guidance by step, which diffusers cannot express",
           "what diffusers documents")  # fmt: skip
DISTILLED = CONDITION | {
    "guidance_scale": Stated(1.0, DOCS),
    "steps": Stated(7, OFFICIAL, "diffusers' documentation: 8, of which the last (t = .03) moves nothing", "official"),
    "call.timesteps": Stated([1000, 993, 987, 981, 975, 909, 725], f"{OFFICIAL}; {DOCS}"),
}
LENGTHS = (97, 121, 257)
SIZES = ((512, 704), (512, 768), (704, 1216))

CARDS = (
    Card(("Lightricks/LTX-Video",), "LTXPipeline", COMMON,
         {**FACTS, "inputs": Stated("text; an image by LTXImageToVideoPipeline", EXAMPLE)}, SIZES, LENGTHS),
    Card(("Lightricks/LTX-Video-0.9.1", "a-r-r-o-w/LTX-Video-0.9.1-diffusers"), "LTXPipeline", COMMON | DECODE, FACTS,
         SIZES, LENGTHS),
    Card(("Lightricks/LTX-Video-0.9.5",), "LTXConditionPipeline", CONDITION, FACTS, SIZES, LENGTHS),
    Card(("Lightricks/LTX-Video-0.9.7-dev", "Lightricks/LTX-Video-0.9.8-dev"), "LTXConditionPipeline",
         CONDITION | {"steps": DEV, "guidance_scale": Stated(5.0, DOCS, "official: by step, 1 to 8", "documented"),
                      "tiling": Stated(True, f"{EXAMPLE} of 0.9.7")}, FACTS, SIZES, LENGTHS),
    Card(("Lightricks/LTX-Video-0.9.7-distilled", "Lightricks/LTX-Video-0.9.8-13B-distilled"), "LTXConditionPipeline",
         DISTILLED | {"tiling": Stated(True, f"{EXAMPLE} of 0.9.7")}, FACTS, SIZES, LENGTHS),
)  # fmt: skip
