"""Card of MiniMax-H3, which makes sound with the video. Its guidance is distilled."""

from raysearch.cards.card import CALL, Card, Stated, stated

OFFICIAL = "official repository MiniMax-H3 8d8824e"
SOURCE = "diffusers 0.42.1, source"

CARDS = (
    Card(
        ("MiniMaxAI/MiniMax-H3",),
        "MiniMaxH3ModularPipeline",
        {
            "steps": Stated(49, CALL, "default of the call: 50", "its scheduler makes 49 evaluations of 50 times"),
            "dtype": Stated({"default": "bfloat16", "vae": "float32", "audio_vae": "float32"}, SOURCE,
                            "released in float32; parts of the network stay in float32 in any case",
                            "the encoder of its autoencoder and all that decodes sound are kept in float32 anyway"),
            **stated(CALL, height=768, width=1344, num_frames=124),
            "fps": Stated(24.0, SOURCE),
            "scheduler.shift": Stated(12.0, SOURCE),
        },
        {
            "shift of the sound": Stated("3, from its own scheduler", SOURCE),
            "guidance": Stated("distilled: neither a scale nor a negative prompt", SOURCE),
            "inputs": Stated("text; the first frame, which it is free to follow", SOURCE),
            "lengths": Stated("17n + 5 frames, from 124 to 345: rounded up", SOURCE),
            "rate": Stated("no argument: always 24", SOURCE),
            "prompt": Stated("rewritten by a hosted service, which its makers call critical", OFFICIAL),
            "packages": Stated("torchvision, for the processor of its encoder", SOURCE),
            "sound": Stated("made with the video, stereo at 32 kHz, and in the film", SOURCE),
            "memory": Stated("network 61.7 GB, encoder of texts 62.1 GB", OFFICIAL),
            "licence": Stated("community licence", OFFICIAL),
        },
        lengths=tuple(range(141, 346, 17)),
    ),
)  # fmt: skip
