"""How large a model is and what it computes, from configurations alone: of a model that is here, or as published.

Counted are the matrix products of the blocks, which are all but a per cent or so of a network: 2 x weights x tokens,
and 4 x width x tokens^2 for attention. A model that is here, as a folder or fetched, is read; any other is known as it
is published (published.py). Loads neither torch nor diffusers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from raysearch.config.by_card import part_dtype
from raysearch.config.settings import GeneratorConfig
from raysearch.generators import families, model_files, sizes
from raysearch.generators.declare import Autoencoder
from raysearch.generators.published import Published, known, of_class

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# FLOP of decoding a pixel of a frame, counted on PyTorch's meta device (benchmarks/flops.py)
DECODE = {"AutoencoderKLWan": 8.5e6, "AutoencoderKLCogVideoX": 1.86e7, "AutoencoderKLHunyuanVideo": 2.3e7,
          "AutoencoderKLLTXVideo": 8.8e5, "AutoencoderKLMiniMaxH3": 1.34e7}  # fmt: skip


@dataclass(frozen=True)
class Blocks:
    """Transformer blocks of one kind.

    Attributes:
        count: how many.
        width: of the attention, heads times their width.
        weights: of a block that every token of the video passes.
        text_weights: that every token of the text passes, where these are others.
        joint: whether the text attends together with the video; else the video looks at the text.
        idle: weights of a block that no token passes, as those that scale by the time.
        tokens: of the text, where these blocks look at others than the prompt's (of an image).
    """

    count: int
    width: int
    weights: float
    text_weights: float = 0.0
    joint: bool = False
    idle: float = 0.0
    tokens: int | None = None

    def flop(self, video: int, text: int) -> float:
        """Of one forward pass."""
        text = text if self.tokens is None else self.tokens
        others = self.text_weights or (self.weights if self.joint else 0.0)
        pairs = (video + text) ** 2 if self.joint else video * ((0 if self.tokens else video) + text)
        return self.count * (2.0 * (self.weights * video + others * text) + 4.0 * self.width * pairs)

    @property
    def parameters(self) -> float:
        """Of all blocks."""
        return self.count * (self.weights + self.text_weights + self.idle)


def _wan(c: Mapping[str, Any]) -> list[Blocks]:
    d, ffn, layers = c["num_attention_heads"] * c["attention_head_dim"], c["ffn_dim"], c["num_layers"]
    blocks = [Blocks(layers, d, 6.0 * d * d + 2.0 * d * ffn, 2.0 * d * d)]
    if c.get("added_kv_proj_dim"):
        blocks.append(Blocks(layers, d, 0.0, 2.0 * d * d, tokens=257))  # of CLIP's view of an image
    if c.get("vace_layers"):
        blocks.append(Blocks(len(c["vace_layers"]), d, 7.0 * d * d + 2.0 * d * ffn, 2.0 * d * d))
    return blocks


def _ltx(c: Mapping[str, Any]) -> list[Blocks]:
    d = c["num_attention_heads"] * c["attention_head_dim"]
    return [Blocks(c["num_layers"], d, 14.0 * d * d, 2.0 * d * c["cross_attention_dim"])]


def _cogvideox(c: Mapping[str, Any]) -> list[Blocks]:
    d = c["num_attention_heads"] * c["attention_head_dim"]
    return [Blocks(c["num_layers"], d, 12.0 * d * d, joint=True, idle=12.0 * d * (c.get("time_embed_dim") or 512))]


def _hunyuan(c: Mapping[str, Any]) -> list[Blocks]:
    d = c["num_attention_heads"] * c["attention_head_dim"]
    return [
        Blocks(c["num_layers"], d, 12.0 * d * d, 12.0 * d * d, joint=True, idle=12.0 * d * d),
        Blocks(c["num_single_layers"], d, 12.0 * d * d, joint=True, idle=3.0 * d * d),
    ]


def _minimax(c: Mapping[str, Any]) -> list[Blocks]:
    d, width = c["hidden_size"], c["num_attention_heads"] * c["attention_head_dim"]
    weights = 4.0 * d * width + 3.0 * d * c["ffn_dim"]
    return [Blocks(c["num_layers"], width, weights, joint=True, idle=18.0 * d * c["time_embed_dim"])]


def _cosmos3(c: Mapping[str, Any]) -> list[Blocks]:
    d, head, inner = c["hidden_size"], c["head_dim"], c["intermediate_size"]
    attention = 2.0 * d * head * (c["num_attention_heads"] + c["num_key_value_heads"])
    weights = attention + (2.0 if c.get("hidden_act") == "relu2" else 3.0) * d * inner
    return [Blocks(c["num_hidden_layers"], head * c["num_attention_heads"], weights, weights)]


NETWORKS: dict[str, Callable[[Mapping[str, Any]], list[Blocks]]] = {
    "WanTransformer3DModel": _wan, "WanVACETransformer3DModel": _wan, "SkyReelsV2Transformer3DModel": _wan,
    "LTXVideoTransformer3DModel": _ltx, "CogVideoXTransformer3DModel": _cogvideox,
    "HunyuanVideoTransformer3DModel": _hunyuan, "MiniMaxH3Transformer3DModel": _minimax,
    "Cosmos3OmniTransformer": _cosmos3,
}  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """What a job's generator takes, as far as it is known; all sizes in bytes.

    Attributes:
        model: whose configuration this is, for people.
        asked: frames that the job asks for.
        made: frames that will be made.
        height: of a frame, in pixels.
        width: of a frame, in pixels.
        tokens: of the video, and of its sound, in the network.
        forwards: of the network in an evaluation.
        flop: of an evaluation, guidance included.
        decode_flop: of decoding a video; None where it is not known.
        latents: of a particle, fp32.
        network: weights of all networks, in their dtype.
        vae: weights of the autoencoder.
        text: weights of the encoders of text and image; None where they are not known.
        dtype: of the network.
        vae_dtype: of the autoencoder.
        sizes: what the model makes of the numbers asked for.
    """

    model: str
    asked: int
    made: int
    height: int
    width: int
    tokens: int
    forwards: int
    flop: float
    decode_flop: float | None
    latents: int
    network: float
    vae: float
    text: float | None
    dtype: str
    vae_dtype: str
    sizes: sizes.Sizes = field(repr=False)

    @property
    def state(self) -> int:
        """Bytes of a particle's state that is finished or carries its next evaluation: x and x0_hat."""
        return 2 * self.latents

    @property
    def frames(self) -> int:
        """Bytes of the decoded video as a view of whole frames, uint8."""
        return self.made * self.height * self.width * 3


def scale(config: GeneratorConfig) -> Scale | None:
    """The scale of a generator; None where it is not known without asking the hub, or its network is not counted."""
    model = described(config)
    if model is None or model.network not in NETWORKS:
        return None
    call = config.pipeline_call()
    asked, height, width = (call.get(key) for key in ("num_frames", "height", "width"))
    if not (isinstance(asked, int) and isinstance(height, int) and isinstance(width, int)):
        return None
    of = sizes.sizes(model.pipeline, model.vae, model.vae_config, model.config)
    covered = families.AUTOENCODERS.get(model.vae, Autoencoder(model.vae)).covers(model.vae_config)
    if of is None or covered is None:
        return None
    made = of.made(asked) or asked
    frames, h, w = of.latents(made), height // covered[1], width // covered[1]
    patches = _patch(model.config)
    heard = round(made * model.sound[0])
    tokens = -(-frames // patches[0]) * -(-h // patches[1]) * -(-w // patches[2]) + heard
    blocks = NETWORKS[model.network](model.config)
    forwards = forwards_of(model, call)
    dtype, vae_dtype = (part_dtype(config.dtype or {}, part) for part in ("transformer", "vae"))
    pixels, each = made * height * width, DECODE.get(model.vae)
    return Scale(
        f"{model.pipeline} of {config.model}", asked, made, height, width, tokens, forwards,
        forwards * sum(b.flop(tokens, model.text_tokens) for b in blocks), None if each is None else each * pixels,
        4 * (model.channels * frames * h * w + heard * model.sound[1]),
        parameters(model) * BYTES[dtype],
        model.vae_parameters * BYTES[vae_dtype],
        model.text_parameters * BYTES[part_dtype(config.dtype or {}, "text_encoder")] or None, dtype, vae_dtype, of,
    )  # fmt: skip


def described(config: GeneratorConfig) -> Published | None:
    """The configuration of a generator: of the files that are here, or else as published."""
    if config.name != "diffusers":
        return None
    listed = known(config.model)
    if listed is not None or not model_files.is_here(config):
        return listed
    vae, network = model_files.configs(config)
    channels = vae.get("z_dim") or vae.get("latent_channels") or 16
    names, cls = [str(part.get("_class_name", "")) for part in (network, vae)], model_files.pipeline_class(config)
    own = Published(
        cls, names[0], network, names[1], vae, int(channels), 0.0, 0.0, index=model_files.model_index(config)
    )
    like = of_class(cls)
    return own if like is None else replace(own, forwards=like.forwards, sound=like.sound)


def parameters(model: Published) -> float:
    """Of all its networks; 0 where they are not counted."""
    blocks = NETWORKS[model.network](model.config) if model.network in NETWORKS else []
    return model.networks * sum(b.parameters for b in blocks)


def forwards_of(model: Published, call: Mapping[str, Any]) -> int:
    """Forward passes of the network in an evaluation: guidance takes two, unless a job switches it off."""
    scale = call.get("guidance_scale")
    if model.forwards == 1:
        return 2 if (call.get("true_cfg_scale") or 1) > 1 else 1
    return 1 if scale is not None and scale <= 1 else model.forwards


def _patch(network: Mapping[str, Any]) -> tuple[int, int, int]:
    patch = network.get("patch_size") or network.get("latent_patch_size") or 1
    if isinstance(patch, (list, tuple)):
        return int(patch[0]), int(patch[1]), int(patch[2])
    return int(network.get("patch_size_t") or 1), int(patch), int(patch)
