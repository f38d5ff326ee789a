"""Cards of Kandinsky 5."""

from raysearch.cards.card import CALL, Card, Stated, stated

OFFICIAL = "official repository kandinsky-5 6e2a805"
FACTS = {
    **stated(OFFICIAL, licence="MIT"),
    "rate": Stated("no argument: the network does not know it", "diffusers 0.42.1, source"),
}
NAME = "kandinskylab/Kandinsky-5.0-{}-Diffusers"


def _text(kinds: tuple[str, ...], steps: int, guidance: float) -> Card:
    return Card(
        tuple(NAME.format(f"T2V-Lite-{kind}-5s") for kind in kinds),
        "Kandinsky5T2VPipeline",
        {
            **stated(CALL, dtype={"default": "bfloat16"}, height=512, width=768, num_frames=121),
            **stated(OFFICIAL, steps=steps, guidance_scale=guidance, fps=24.0),
        },
        FACTS,
    )


CARDS = (
    _text(("sft", "pretrain"), 50, 5.0),
    _text(("nocfg",), 50, 1.0),
    _text(("distilled16steps",), 16, 1.0),
    Card(
        (NAME.format("I2V-Pro-sft-5s"),),
        "Kandinsky5I2VPipeline",
        {
            **stated(CALL, dtype={"default": "bfloat16"}, steps=50, guidance_scale=5.0, num_frames=121),
            **stated(OFFICIAL, height=896, width=896, fps=24.0),
        },
        {
            **FACTS, "inputs": Stated("an image", "diffusers 0.42.1, source"),
            "memory": Stated("19B: needs offloading of the network", OFFICIAL),
        },
    ),
)  # fmt: skip
