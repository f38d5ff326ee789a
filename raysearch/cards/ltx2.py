"""Cards of LTX-2 and its later versions, which make sound with the video."""

from raysearch.cards.card import CALL, Card, Stated, Values, stated

OFFICIAL = "official repository LTX-2 400fd31"
FACTS = {
    "licence": Stated("gated; community licence, paid above 10 million dollars of revenue", OFFICIAL),
    "sound": Stated("made with the video, and in the film", "diffusers 0.42.1, source"),
    "image": Stated("a single image is compressed by H.264 before it is encoded", "diffusers 0.42.1, source"),
}


def _full(blocks: Stated, steps: int) -> Values:
    return {
        **stated(CALL, dtype={"default": "bfloat16"}, height=512, width=768, num_frames=121, fps=24.0,
               guidance_scale=3.0),
        **stated(OFFICIAL, steps=steps, call__audio_guidance_scale=7.0, call__stg_scale=1.0, call__audio_stg_scale=1.0,
               call__modality_scale=3.0, call__audio_modality_scale=3.0, call__guidance_rescale=0.7,
               call__audio_guidance_rescale=0.7),
        "call.spatio_temporal_guidance_blocks": blocks,
        "tiling": Stated(True, "diffusers' documentation, page of LTX-2"),
    }  # fmt: skip


CARDS = (
    Card(
        ("Lightricks/LTX-2",),
        "LTX2Pipeline",
        _full(Stated([29], OFFICIAL, "diffusers' default: [28]", "28 is that of LTX-2.3 and later"), 40),
        FACTS,
    ),
    Card(("diffusers/LTX-2.3-Diffusers",), "LTX2Pipeline", _full(Stated([28], OFFICIAL), 30), FACTS),
)
