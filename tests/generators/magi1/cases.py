"""Cases that the published code answered on tiny random weights, and how far this implementation is from the answers.

    python -m tests.generators.magi1.cases FOLDER [CASE ...]     compare with every case of a folder
    python -m tests.generators.magi1.cases FOLDER --commit       write reference.safetensors, which the tests read

FOLDER holds CASE.json and CASE.safetensors for each run, and perhaps vae.* and dit_forward.*. The weights of the cases
follow from a seed, so that the committed file holds answers alone, every eighth number of the velocities of a run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from raysearch.generators.magi1.checkpoint import cast
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.network import Network, Words
from raysearch.generators.magi1.shape import Architecture, architecture
from raysearch.generators.magi1.stages import FRAMES, Stages
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.vae_shape import VaeShape
from raysearch.generators.magi1.velocity import Velocity, unchunked
from raysearch.moves import Kernel
from raysearch.sampling import kernels
from tests.generators.magi1.tiny import network_weights, vae_weights

SMALL = Architecture(3, 256, 16, 8, 16, 384, condition=64, caption=32, captions=800, bands=2)
SMALL_VAE = VaeShape(256, 2, 4, 1024, 16, (4, 8, 8), (4, 4, 4), 1)
BANDS = (0.9654394388198853, 0.009826427325606346)
REFERENCE = Path(__file__).with_name("reference.safetensors")
STRIDE = 8  # of the numbers of a velocity that are committed


def network(weights: dict[str, Tensor]) -> Network:
    net = Network(architecture({name: tuple(w.shape) for name, w in weights.items()}, "the case"))
    net.load_state_dict(weights, assign=True)
    return net.eval().requires_grad_(False)


def small() -> Network:
    """The network of the cases, from its seed."""
    return network(network_weights(SMALL) | {"rope.bands": torch.tensor(BANDS)})


def small_vae() -> Vae:
    vae = Vae(SMALL_VAE)
    vae.load_state_dict(vae_weights(SMALL_VAE))
    return vae.eval().requires_grad_(False)


def words(net: Network, y: Tensor, mask: Tensor) -> Words:
    """Captions as the published code prepares them, [chunks, 800, channels] with a mask."""
    texts = [text[keep > 0] for text, keep in zip(y, mask, strict=True)]
    starts = torch.tensor([0, *(len(text) for text in texts)]).cumsum(0)
    rows = {c: torch.arange(int(starts[c]), int(starts[c + 1])) for c in range(len(texts))}
    return net.read(torch.cat(texts), rows)


class Case:
    """A run of the published sampler: `tensors` are its noise, captions, prefix, velocities and final latents."""

    def __init__(self, net: Network, tensors: dict[str, Tensor], about: dict[str, Any], memo: int = 4):
        runtime, engine = about["runtime"], about["engine"]
        self.tensors, self.prefix = tensors, tensors.get("prefix")
        given = 0 if self.prefix is None else self.prefix.shape[2]
        noise = tensors["noise"]
        self.stages = Stages(noise.shape[2] // FRAMES, given, runtime["num_steps"], runtime["window_size"])
        captions = (words(net, tensors["y"][i], tensors["y_mask"][i]) for i in (0, 1))
        self.velocity = Velocity(
            net, self.stages, *captions, engine["distill"], Memo(memo), shortcut=engine["shortcut_mode"]
        )
        self.generator = MagiGenerator(
            self.velocity, small_vae(), tuple(noise.shape[-2:]), self.prefix, torch.device("cpu")
        )

    def velocities(self) -> tuple[list[Tensor], Tensor]:
        """The velocity of every step and the final latents, by the published rule: x += v dt, the prefix put in where
        its chunk is in flight and left as it moves."""
        x, times, found = self.tensors["noise"].clone(), self.velocity.times, []
        for k in range(self.stages.steps):
            flight = self.stages.flight(k)
            for c, _ in flight:
                if self.prefix is not None and FRAMES * c < self.stages.given:
                    x[:, :, FRAMES * c : self.stages.given] = self.prefix[:, :, FRAMES * c :]
            seen = x.clone()
            if self.prefix is not None:  # what has been given is remembered as it was
                seen[:, :, : self.stages.given] = self.prefix
            v = self.velocity(seen, k)
            found.append(unchunked(v))
            for (c, n), vc in zip(flight, v[0], strict=True):
                x[0, :, FRAMES * c : FRAMES * (c + 1)] += vc * (times[n + 1] - times[n])
        return found, x

    def four_methods(self) -> Tensor:
        """The final latents by draw, path and denoise of the generator, and the ode."""
        g, none = self.generator, torch.Generator()
        x = g._with_given(self.tensors["noise"])
        for k in range(g.steps):
            x, _ = kernels.step(Kernel("ode"), x, g.denoise(x, k, none), g.path(k), None, 0.5)
        return x

    def answer(self, k: int) -> Tensor:
        """The published velocity of step k, of the chunks that move."""
        v = self.tensors[f"call{k + (self.stages.past > 0):03d}.v"]
        return v[:, :, -FRAMES * len(self.stages.flight(k)) :]


def error(x: Tensor, y: Tensor) -> float:
    return float((x - y).norm() / y.norm())


def compare(net: Network, case: Case) -> dict[str, float]:
    """The worst relative errors of a case: velocities, final latents, and the four methods' generated frames."""
    found, last = case.velocities()
    given = case.stages.given
    return {
        "velocities": max(error(v, case.answer(k)) for k, v in enumerate(found)),
        "latents": error(last, case.tensors["state"]),
        "four methods": error(case.four_methods()[:, :, given:], case.tensors["state"][:, :, given:]),
    }


def main(folder: Path, names: list[str]) -> None:
    """Compare with every case of a folder, whatever its weights."""
    for file in sorted(folder.glob("*.json")):
        about = json.loads(file.read_text())
        if "runtime" not in about or (names and file.stem not in names):
            continue
        weights = load_file(folder / about["weights"])
        dtype = torch.bfloat16 if "bfloat16" in about["model"]["params_dtype"] else torch.float32
        net = network(cast(weights.items(), dtype, torch.device("cpu")))
        with torch.no_grad():
            found = compare(net, Case(net, load_file(file.with_suffix(".safetensors")), about))
        print(f"{file.stem:20s}", ", ".join(f"{name} {value:.2e}" for name, value in found.items()), flush=True)


def commit(folder: Path) -> None:
    """Write the answers that the tests compare with."""
    kept: dict[str, Tensor] = {}
    runs = {}
    for file in sorted(folder.glob("*.json")):
        about, tensors = json.loads(file.read_text()), load_file(file.with_suffix(".safetensors"))
        if "runtime" not in about:
            continue
        runs[file.stem] = {key: about[key] for key in ("runtime", "engine")}
        case = Case(small(), tensors, about)
        for i in (0, 1):
            for c in range(case.stages.chunks):
                kept[f"{file.stem}.y{i}.{c}"] = tensors["y"][i, c][tensors["y_mask"][i, c] > 0]
        for name in ("noise", "state", "prefix"):
            if name in tensors:
                kept[f"{file.stem}.{name}"] = tensors[name]
        for k in range(case.stages.steps):
            kept[f"{file.stem}.v{k:03d}"] = case.answer(k).flatten()[::STRIDE]
    unique: dict[bytes, str] = {}
    links = {}
    for name, tensor in list(kept.items()):
        data = tensor.contiguous().numpy().tobytes()
        if data in unique:
            links[name] = unique[data]
            del kept[name]
        unique.setdefault(data, name)
    forward = load_file(folder / "dit_forward.safetensors")
    kept |= {f"dit_forward.{n}": forward[n] for n in ("x", "t", "v.drop0", "v.drop1")}
    for i in range(3):
        kept[f"dit_forward.y.{i}"] = forward["y"][i, 0][forward["y_mask"][i, 0] > 0]
    vae = load_file(folder / "vae.safetensors")
    kept |= {f"vae.{name}": tensor for name, tensor in vae.items() if name not in ("video_t", "dec_t", "dec_t4")}
    kept |= {f"vae.{name}": vae[name][..., ::2].half() for name in ("dec_t", "dec_t4")}
    kept["vae.video_t"] = vae["video_t"][:, :, :12]  # tiles have no overlap in time
    plain = {name: tensor.contiguous() for name, tensor in kept.items()}
    save_file(plain, REFERENCE, {"runs": json.dumps(runs), "links": json.dumps(links)})
    print(REFERENCE, f"{REFERENCE.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), sys.argv[2:]) if "--commit" not in sys.argv else commit(Path(sys.argv[1]))
