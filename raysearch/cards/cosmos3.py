"""Cards of Cosmos 3, which makes sound with the video where `call.enable_sound` asks for it."""

from raysearch.cards.card import CALL, Card, Stated, stated

DOCS = "diffusers' documentation, page of Cosmos 3"
SOURCE = "diffusers 0.42.1, source"

CARDS = (
    Card(
        ("nvidia/Cosmos3-Nano", "nvidia/Cosmos3-Super"),
        "Cosmos3OmniPipeline",
        {
            **stated(CALL, steps=35, guidance_scale=6.0, height=720, width=1280, num_frames=189, fps=24.0),
            "dtype": Stated({"default": "bfloat16"}, DOCS),
            "scheduler.flow_shift": Stated(10.0, f"{DOCS}, for text and clips",
                                           "for images and with sound: left as the hub has it", "one value for all"),
            "scheduler.use_karras_sigmas": Stated(False, f"{DOCS}, for text and clips",
                                                  "for images and with sound: left as the hub has it",
                                                  "one value for all"),
        },
        {
            "licence": Stated("NVIDIA Open Model licence", SOURCE),
            "inputs": Stated("text; an image; the last 5 frames of a clip", SOURCE,
                             "the call's own choice: the first 5", "those next to the frames that are made"),
            "sound": Stated("call.enable_sound: true", SOURCE),
            "prompt": Stated("JSON, for the negative one as well, from its makers' upsampler", DOCS),
            "rate": Stated("fps, in the positions of the network and in a sentence added to the prompt", SOURCE),
            "packages": Stated("cosmos_guardrail, unless the model says enable_safety_checker: false", SOURCE),
            "memory": Stated("Super: about 120 GB", DOCS),
        },
    ),
)  # fmt: skip
