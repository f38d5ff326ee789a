"""How large models are and what they compute, against the networks of diffusers themselves, on the meta device."""

import pytest

from raysearch.config.settings import GeneratorConfig
from raysearch.generators.published import PUBLISHED, known
from raysearch.generators.scale import NETWORKS, scale

VACE = "Wan-AI/Wan2.1-VACE-14B-diffusers"


def of(model, **more):
    return scale(GeneratorConfig(model=model, **{"height": 480, "width": 832, "num_frames": 81} | more))


def test_a_step_of_the_challenge_takes_five_petaflop():
    """As counted by hand in docs/challenge.md."""
    found = of(VACE, num_frames=97, guidance_scale=5.0, dtype="bfloat16")
    assert (found.tokens, found.forwards, found.made) == (25 * 30 * 52, 2, 97)
    assert found.flop == pytest.approx(5.31e15, rel=0.005)
    assert found.state == 2 * 4 * 16 * 25 * 60 * 104
    assert found.network == pytest.approx(34.1e9, rel=0.01) and found.text == pytest.approx(11.4e9, rel=0.01)


def test_without_guidance_half_of_it():
    assert of(VACE, guidance_scale=1.0).flop * 2 == of(VACE, guidance_scale=5.0).flop == of(VACE).flop
    distilled = of("hunyuanvideo-community/HunyuanVideo", guidance_scale=6.0)
    assert distilled.forwards == 1  # its guidance is an input of the network


def test_frames_are_rounded_as_the_pipeline_rounds_them():
    assert of(VACE, num_frames=96).made == 97 and of("Lightricks/LTX-Video-0.9.5", width=832, num_frames=96).made == 89


def test_models_by_any_case_and_those_not_listed():
    assert known(VACE.upper()) is PUBLISHED[VACE] and known("me/mine") is None
    assert of("me/mine") is None and of(VACE, height=None) is None
    assert scale(GeneratorConfig(name="my.module:load", model=VACE)) is None


def test_the_shipped_model_is_read_from_its_files():
    found = scale(GeneratorConfig(model="tiny", height=32, width=32, num_frames=17, guidance_scale=1.0))
    assert found.tokens == 9 * 4 * 4 and found.latents == 4 * 96 * 9 * 4 * 4 and found.decode_flop is None


def test_parts_of_other_dtypes_have_other_sizes():
    one, mixed = of(VACE, dtype="bfloat16"), of(VACE, dtype={"default": "bfloat16", "vae": "float32"})
    assert (mixed.network, mixed.text, mixed.vae) == (one.network, one.text, 2 * one.vae)
    assert (mixed.dtype, mixed.vae_dtype) == ("bfloat16", "float32")


def test_every_published_network_is_counted():
    assert {entry.network for entry in PUBLISHED.values()} <= set(NETWORKS)
    for model in PUBLISHED:
        assert of(model, height=512, width=1024).flop > 1e13, model


INPUTS = {  # what the networks take beside latents; text tokens, and the width of their features
    "WanTransformer3DModel": ("timestep", 512, 4096), "WanVACETransformer3DModel": ("timestep", 512, 4096),
    "SkyReelsV2Transformer3DModel": ("timestep", 512, 4096), "LTXVideoTransformer3DModel": ("timestep", 256, 4096),
    "CogVideoXTransformer3DModel": ("timestep", 226, 4096),
    "MiniMaxH3Transformer3DModel": ("timestep", 512, 5120),
}  # fmt: skip


def test_cosmos_3_has_weights_of_its_own_for_the_text():
    """Two layers of it, of which the text passes one half and the video the other."""
    import diffusers
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    config = {"num_hidden_layers": 2, "hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8,
              "num_key_value_heads": 2, "head_dim": 64, "latent_patch_size": 2}  # fmt: skip
    (blocks,) = NETWORKS["Cosmos3OmniTransformer"](config)
    with torch.device("meta"):
        network = diffusers.Cosmos3OmniTransformer(**config, rope_axes_dim=[12, 10, 10])
        layer = network.layers[0]
        weights = sum(p.numel() for p in network.layers.parameters())
        with FlopCounterMode(display=False) as counted, torch.no_grad():
            rotary = [torch.empty(n, 64) for n in (300, 300, 2000, 2000)]
            layer(torch.empty(300, 512), torch.empty(2000, 512), tuple(rotary))
    assert blocks.parameters == pytest.approx(weights, rel=0.01)
    assert blocks.flop(2000, 300) / 2 == pytest.approx(counted.get_total_flops(), rel=0.02)


@pytest.mark.parametrize("model", [
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", VACE, "Lightricks/LTX-Video-0.9.5", "Lightricks/LTX-Video-0.9.7-dev",
    "THUDM/CogVideoX-5b", "THUDM/CogVideoX-2b", "MiniMaxAI/MiniMax-H3",
])  # fmt: skip
def test_the_count_is_that_of_the_network_itself(model):
    """Two layers of it: parameters and FLOP of what is left are linear in layers, and the formula is too."""
    import diffusers
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    listed = PUBLISHED[model]
    config = {**listed.config, "num_layers": 2}
    if "vace_layers" in config:
        config["vace_layers"] = [0, 1]
    if "MiniMax" in listed.network:
        config["num_refiner_layers"] = 0  # of the text alone, which are not counted
    blocks = NETWORKS[listed.network](config)
    _, tokens, width = INPUTS[listed.network]
    with torch.device("meta"), torch.no_grad():
        network = getattr(diffusers, listed.network)(**config).eval()
        layers = [network.transformer_blocks] if hasattr(network, "transformer_blocks") else [network.blocks]
        layers += [network.vace_blocks] if "vace_layers" in config else []
        parameters = sum(p.numel() for part in layers for p in part.parameters())
        time, text = torch.zeros(1), torch.empty(1, tokens, width)
        if "LTX" in listed.network:
            video, latents = 4 * 16 * 26, torch.empty(1, 4 * 16 * 26, listed.channels)
            call = dict(encoder_attention_mask=torch.ones(1, tokens), num_frames=4, height=16, width=26,
                        rope_interpolation_scale=(1.0, 1.0, 1.0))  # fmt: skip
        elif "Cog" in listed.network:
            video, latents, call = 3 * 30 * 45, torch.empty(1, 3, 16, 60, 90), {}
        else:
            video, latents, call = 5 * 30 * 52, torch.empty(1, 16, 5, 60, 104), {}
        if "MiniMax" in listed.network:
            rows, heard = 4 * 24 * 42, 30
            video, latents, time = rows + heard, torch.empty(1, rows, 96), torch.zeros(1)
            places = {name: torch.zeros(n).long() for name, n in
                      (("video_indices", rows), ("audio_indices", heard), ("text_indices", tokens))}  # fmt: skip
            every = {name: torch.zeros(video + tokens).long() for name in ("timestep_indices", "token_tags")}
            call = dict(audio_hidden_states=torch.empty(1, heard, 32), position_ids=torch.zeros(video + tokens, 3),
                        **places, **every)  # fmt: skip
        if "vace_layers" in config:
            call = {"control_hidden_states": torch.empty(1, 96, 5, 60, 104),
                    "control_hidden_states_scale": torch.ones(2, device="cpu")}  # fmt: skip
        with FlopCounterMode(display=False) as counted:
            network(latents, timestep=time, encoder_hidden_states=text, return_dict=False, **call)
    assert sum(b.flop(video, tokens) for b in blocks) == pytest.approx(counted.get_total_flops(), rel=0.03)
    assert sum(b.parameters for b in blocks) == pytest.approx(parameters, rel=0.02)
