"""Cards of HunyuanVideo, SkyReels V1 on its network, and HunyuanVideo 1.5."""

from raysearch.cards.card import EXAMPLE, HUB, BySize, Card, Stated, stated

OFFICIAL = "official repository HunyuanVideo fa14b00"
OFFICIAL_15 = "official repository HunyuanVideo-1.5 60783e7"
OFFICIAL_I2V = "official repository HunyuanVideo-I2V 1481c1d"
IMAGE = Stated("an image", "diffusers 0.42.1, source")
DOCS = "diffusers' documentation, page of HunyuanVideo"
LICENCE = Stated("Tencent Community licence: void in the EU, the UK and South Korea", OFFICIAL)
HALF = {"default": "float16", "transformer": "bfloat16"}
RATE = {"rate": Stated("no argument: the network does not know it", "diffusers 0.42.1, source")}

CARDS = (
    Card(
        ("hunyuanvideo-community/HunyuanVideo",),
        "HunyuanVideoPipeline",
        {
            "dtype": Stated(HALF, f"{DOCS}; {EXAMPLE}"),
            "steps": Stated(50, OFFICIAL, "diffusers' example: 30", "the makers' own"),
            "guidance_scale": Stated(
                6.0, f"{OFFICIAL}, embedded: one forward a step; guidance proper is true_cfg_scale"),
            "call.true_cfg_scale": Stated(1.0, "diffusers 0.42.1, default of the call: off"),
            "scheduler.shift": Stated(7.0, f"{OFFICIAL}; {HUB}", "diffusers' documentation: 2 to 5 for small sizes",
                                    "the makers' own at the sizes they name"),
            "tiling": Stated(True, EXAMPLE),
            "fps": Stated(24.0, OFFICIAL, "examples write films of 15", "the rate of the training"),
            **stated(OFFICIAL, height=720, width=1280, num_frames=129),
        },
        {"licence": LICENCE, "memory": Stated("60 GB at 720p, 45 GB at 544p", OFFICIAL), **RATE},
        sizes=((544, 960),),
    ),
    Card(
        ("hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v",
         "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-720p_t2v",
         "hunyuanvideo-community/HunyuanVideo-1.5-480p_t2v", "hunyuanvideo-community/HunyuanVideo-1.5-720p_t2v"),
        "HunyuanVideo15Pipeline",
        {
            "dtype": Stated({"default": "bfloat16"}, OFFICIAL_15, "diffusers' example: float16", "the makers' own"),
            "guidance_scale": Stated(6.0, f"{HUB}, in the guider"),
            "scheduler.shift": Stated(BySize(5.0, 9.0), f"{OFFICIAL_15}; {HUB}"),
            "tiling": Stated(True, EXAMPLE),
            **stated(OFFICIAL_15, steps=50, height=480, width=848, num_frames=121, fps=24.0),
        },
        {"licence": LICENCE, "memory": Stated("14 GB with offloading", OFFICIAL_15), **RATE},
        sizes=((720, 1280),),
    ),
    Card(
        ("hunyuanvideo-community/HunyuanVideo-I2V",),
        "HunyuanVideoImageToVideoPipeline",
        {
            "dtype": Stated(HALF, f"{DOCS}; {EXAMPLE}"),
            "guidance_scale": Stated(6.0, f"{EXAMPLE}; {OFFICIAL_I2V}, embedded", "diffusers' default of the call: 1",
                                   "the makers' own"),
            "scheduler.shift": Stated(7.0, f"{OFFICIAL_I2V}, the stable setting; 17 moves more"),
            "tiling": Stated(True, EXAMPLE),
            **stated(OFFICIAL_I2V, steps=50, height=720, width=1280, num_frames=129, fps=24.0),
        },
        {"licence": LICENCE, "memory": Stated("60 GB", OFFICIAL_I2V), "inputs": IMAGE, **RATE},
    ),
    Card(
        ("hunyuanvideo-community/HunyuanVideo-I2V-33ch",),
        "HunyuanVideoImageToVideoPipeline",
        {
            "dtype": Stated(HALF, f"{DOCS}; {EXAMPLE}"),
            "guidance_scale": Stated(1.0, f"{EXAMPLE}, embedded"),
            "call.true_cfg_scale": Stated(1.0, EXAMPLE),
            "num_frames": Stated(133,
                                 "diffusers 0.42.1, source: its pipeline cuts off four frames of the decoded video",
                               f"{OFFICIAL_I2V}: 129", "133 make the 129 that the makers mean"),
            "tiling": Stated(True, EXAMPLE),
            **stated(OFFICIAL_I2V, steps=50, height=720, width=1280, fps=24.0),
        },
        {"licence": LICENCE, "inputs": IMAGE, **RATE},
    ),
    Card(
        ("Skywork/SkyReels-V1-Hunyuan-I2V",),
        "HunyuanSkyreelsImageToVideoPipeline",
        {
            "dtype": Stated(HALF, EXAMPLE),
            "steps": Stated(30, EXAMPLE, "diffusers' default of the call: 50", "as the example has it"),
            "guidance_scale": Stated(1.0, "diffusers 0.42.1, default of the call: embedded, off"),
            "call.true_cfg_scale": Stated(6.0, "diffusers 0.42.1, default of the call; needs a negative prompt"),
            **stated("diffusers 0.42.1, default of the call", height=544, width=960, num_frames=97),
            "fps": Stated(15.0, f"{EXAMPLE}: the film that it writes"),
        },
        {"inputs": IMAGE, **RATE},
    ),
    Card(
        ("hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v",
         "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-720p_i2v"),
        "HunyuanVideo15ImageToVideoPipeline",
        {
            "dtype": Stated({"default": "bfloat16"}, OFFICIAL_15, "diffusers' example: float16", "the makers' own"),
            "guidance_scale": Stated(6.0, f"{HUB}, in the guider"),
            "tiling": Stated(True, EXAMPLE),
            **stated(OFFICIAL_15, steps=50, num_frames=121, fps=24.0),
        },
        {"licence": LICENCE, "inputs": IMAGE, **RATE,
         "size": Stated("a bucket of the image's shape; the call takes none", "diffusers 0.42.1, source"),
         "shift": Stated("5 of the weights of 480p, 7 of those of 720p, as the hub folders have it", OFFICIAL_15)},
    ),
)  # fmt: skip
