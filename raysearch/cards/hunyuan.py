"""Cards of HunyuanVideo and HunyuanVideo 1.5, text to video."""

from raysearch.cards.card import BySize, Card, Said, said

OFFICIAL = "official repository HunyuanVideo fa14b00"
OFFICIAL_15 = "official repository HunyuanVideo-1.5 60783e7"
EXAMPLE = "diffusers 0.42.1, example of the pipeline"
DOCS = "diffusers' documentation, page of HunyuanVideo"
HUB = "hub folder (diffusers' conversion script)"
LICENCE = Said("Tencent Community licence: void in the EU, the UK and South Korea", OFFICIAL)
HALF = {"default": "float16", "transformer": "bfloat16"}
RATE = {"rate": Said("no argument: the network does not know it", "diffusers 0.42.1, source")}

CARDS = (
    Card(
        ("hunyuanvideo-community/HunyuanVideo",),
        "HunyuanVideoPipeline",
        {
            "dtype": Said(HALF, f"{DOCS}; {EXAMPLE}"),
            "steps": Said(50, OFFICIAL, "diffusers' example: 30", "the makers' own"),
            "guidance_scale": Said(6.0, f"{OFFICIAL}, embedded: one forward a step; guidance proper is true_cfg_scale"),
            "call.true_cfg_scale": Said(1.0, "diffusers 0.42.1, default of the call: off"),
            "scheduler.shift": Said(7.0, f"{OFFICIAL}; {HUB}", "diffusers' documentation: 2 to 5 for small sizes",
                                    "the makers' own at the sizes they name"),
            "tiling": Said(True, EXAMPLE),
            "fps": Said(24.0, OFFICIAL, "examples write films of 15", "the rate of the training"),
            **said(OFFICIAL, height=720, width=1280, num_frames=129),
        },
        {"licence": LICENCE, "memory": Said("60 GB at 720p, 45 GB at 544p", OFFICIAL), **RATE},
        sizes=((544, 960),),
    ),
    Card(
        ("hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v",
         "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-720p_t2v",
         "hunyuanvideo-community/HunyuanVideo-1.5-480p_t2v", "hunyuanvideo-community/HunyuanVideo-1.5-720p_t2v"),
        "HunyuanVideo15Pipeline",
        {
            "dtype": Said({"default": "bfloat16"}, OFFICIAL_15, "diffusers' example: float16", "the makers' own"),
            "guidance_scale": Said(6.0, f"{HUB}, in the guider"),
            "scheduler.shift": Said(BySize(5.0, 9.0), f"{OFFICIAL_15}; {HUB}"),
            "tiling": Said(True, EXAMPLE),
            **said(OFFICIAL_15, steps=50, height=480, width=848, num_frames=121, fps=24.0),
        },
        {"licence": LICENCE, "memory": Said("14 GB with offloading", OFFICIAL_15), **RATE},
        sizes=((720, 1280),),
    ),
)  # fmt: skip
