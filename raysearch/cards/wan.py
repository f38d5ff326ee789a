"""Cards of Wan 2.1, Wan 2.2 and Wan VACE."""

from raysearch.cards.card import CALL, EXAMPLE, BySize, Card, Stated, Values, stated

OFFICIAL = "official repository Wan2.1 9737cba"
OFFICIAL_22 = "official repository Wan2.2 42bf4cf"
SIZE_480, SIZE_720 = (480, 832), (720, 1280)

# The makers' own text, one for all models.
NEGATIVE = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
    "杂乱的背景，三条腿，背景人很多，倒着走"
)
FP32 = {"default": "bfloat16", "vae": "float32"}
FP32_CLIP = {**FP32, "image_encoder": "float32"}


def _values(official: str, steps: int, guidance: float, shift: Stated, size: tuple[int, int] = SIZE_480,
           dtype: dict[str, str] = FP32, frames: int = 81, fps: float = 16.0) -> dict[str, Stated]:  # fmt: skip
    """What all models of the family have in common, with what is particular to one."""
    return {
        "dtype": Stated(dtype, EXAMPLE),
        "scheduler.flow_shift": shift,
        **stated(official, steps=steps, guidance_scale=guidance, num_frames=frames, fps=fps),
        "negative_prompt": Stated(NEGATIVE, official, "diffusers' examples: its English translation; default: empty",
                                "the text with which the makers sample"),
        **stated(official, height=size[0], width=size[1]),
    }  # fmt: skip


FACTS: Values = stated(OFFICIAL, licence="Apache 2.0", rate="no argument: the network does not know it")
BOTH = Stated(BySize(3.0, 5.0), f"{EXAMPLE}; {OFFICIAL}", "hub folder: 3", "the hub folder's is that of 480p")
TWELVE = Stated(12.0, OFFICIAL_22, "hub folder: 3", "the shift decides how many steps the high-noise expert gets: "
              "26 of 40 at 12, 13 at 3")  # fmt: skip

CARDS = (
    Card(
        ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers",),
        "WanPipeline",
        _values(OFFICIAL, 50, 6.0, Stated(8.0, OFFICIAL, "official: 8 to 12; hub folder and diffusers' example: 3",
                                       "the lower end of what the makers name for this size of model")),
        {**FACTS, "memory": Stated("8.19 GB", OFFICIAL)},
    ),
    Card(("Wan-AI/Wan2.1-T2V-14B-Diffusers",), "WanPipeline", _values(OFFICIAL, 50, 5.0, BOTH, SIZE_720), FACTS,
         sizes=(SIZE_480,)),
    Card(
        ("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",),
        "WanImageToVideoPipeline",
        _values(OFFICIAL, 40, 5.0, BOTH, SIZE_480, FP32_CLIP)
        | {"steps": Stated(40, OFFICIAL, "diffusers' default: 50", "the makers' own for image to video")},
        {**FACTS, "inputs": Stated("image", CALL)},
    ),
    Card(
        ("Wan-AI/Wan2.1-I2V-14B-720P-Diffusers",),
        "WanImageToVideoPipeline",
        _values(OFFICIAL, 40, 5.0, BOTH, SIZE_720, FP32_CLIP)
        | {"steps": Stated(40, OFFICIAL, "diffusers' default: 50", "the makers' own for image to video")},
        {**FACTS, "inputs": Stated("image", CALL)},
    ),
    Card(
        ("Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",),
        "WanImageToVideoPipeline",
        _values(OFFICIAL, 50, 5.0, Stated(16.0, f"{OFFICIAL}; hub folder"), SIZE_720, FP32_CLIP)
        | {
            "guidance_scale": Stated(5.0, OFFICIAL, "diffusers' documentation: 5.5", "the makers' own"),
            "negative_prompt": Stated("镜头切换，" + NEGATIVE, OFFICIAL),
        },
        {**FACTS, "inputs": Stated("image; call.last_image is the last frame", CALL)},
    ),
    Card(
        ("Wan-AI/Wan2.1-VACE-14B-diffusers", "Wan-AI/Wan2.1-VACE-1.3B-diffusers"),
        "WanVACEPipeline",
        _values(OFFICIAL, 50, 5.0, Stated(16.0, OFFICIAL, "diffusers' example: 3 at 480p, 5 at 720p; hub folder: 3",
                                       "the makers' own, at both sizes"))
        | {"steps": Stated(50, OFFICIAL, "diffusers' example: 30", "the makers' own")},
        {**FACTS, "inputs": Stated("text; frames by call.video and call.mask, black keeps and white makes", CALL)},
        sizes=(SIZE_720,),
    ),
    Card(
        ("Wan-AI/Wan2.2-T2V-A14B-Diffusers",),
        "WanPipeline",
        _values(OFFICIAL_22, 40, 4.0, TWELVE, SIZE_720)
        | {"call.guidance_scale_2": Stated(3.0, OFFICIAL_22, "unset: that of the high-noise expert",
                                         "the official pair is (low 3, high 4)")},
        {"index.boundary_ratio": Stated(0.875, f"{OFFICIAL_22}; hub folder"),
         "memory": Stated("80 GB, with offloading", OFFICIAL_22), **stated(OFFICIAL_22, licence="Apache 2.0")},
        sizes=(SIZE_480,),
    ),
    Card(
        ("Wan-AI/Wan2.2-I2V-A14B-Diffusers",),
        "WanImageToVideoPipeline",
        _values(OFFICIAL_22, 40, 3.5, Stated(5.0, OFFICIAL_22, "hub folder: 3", "the makers' own"), SIZE_720)
        | stated(OFFICIAL_22, call__guidance_scale_2=3.5),
        {"index.boundary_ratio": Stated(0.9, f"{OFFICIAL_22}; hub folder"), "inputs": Stated("image", CALL),
         **stated(OFFICIAL_22, licence="Apache 2.0")},
        sizes=(SIZE_480,),
    ),
    Card(
        ("Wan-AI/Wan2.2-TI2V-5B-Diffusers",),
        "WanPipeline",
        _values(OFFICIAL_22, 50, 5.0, Stated(5.0, f"{OFFICIAL_22}; hub folder"), (704, 1280), FP32, 121, 24.0),
        {"index.expand_timesteps": Stated(True, "hub folder"), "memory": Stated("24 GB, with offloading", OFFICIAL_22),
         "inputs": Stated("text, or text and image", CALL), **stated(OFFICIAL_22, licence="Apache 2.0")},
    ),
)  # fmt: skip
