"""Weights are whole or refused in one line, for every kind of part; all loading goes through one place."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    T5EncoderModel,
    VideoMAEForPreTraining,
    VJEPA2Model,
)

import raysearch
import raysearch.tinyworld.codec  # so that diffusers finds the class in copies of the shipped model
from examples.tiny_parts import t5, tokenizer
from raysearch import generators, pretrained
from raysearch.cli import main
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.tinyworld import weights
from raysearch.videos import encode

PACKAGE = Path(raysearch.__file__).parent


def missing(file: Path) -> str:
    tensors = load_file(file)
    name = sorted(tensors)[0]
    save_file({k: v for k, v in tensors.items() if k != name}, file, {"format": "pt"})
    return rf"1 tensor missing \({name}\)"


def renamed(file: Path) -> str:
    tensors = load_file(file)
    name = sorted(tensors)[0]
    save_file({f"{k}_old" if k == name else k: v for k, v in tensors.items()}, file, {"format": "pt"})
    return rf"1 tensor missing \({name}\); 1 tensor not those of the network \({name}_old\)"


def half(file: Path) -> str:
    tensors = load_file(file)
    kept = sorted(tensors)[::2]
    save_file({k: tensors[k] for k in kept}, file, {"format": "pt"})
    return rf"{len(tensors) - len(kept)} tensors missing \(.*, \.\.\.\)" if len(tensors) > 7 else "missing"


def cut(file: Path) -> str:
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[: size // 2])
    return rf"is cut short \({size // 2} of {size} bytes\)"


def longer(file: Path) -> str:
    file.write_bytes(file.read_bytes() + b"\0")
    return "is too long"


def pointer(file: Path) -> str:
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    return "is a git-lfs pointer, not the weights"


def empty(file: Path) -> str:
    file.write_bytes(b"")
    return "is empty"


def header(file: Path) -> str:
    file.write_bytes((2).to_bytes(8, "little") + b"[]")
    return "has a header that cannot be read"


def absent(file: Path) -> str:
    file.unlink()
    return "cannot be loaded"


def reshaped(file: Path) -> str:
    tensors = load_file(file)
    name = sorted(tensors)[0]
    save_file({k: v[..., :-1].contiguous() if k == name else v for k, v in tensors.items()}, file, {"format": "pt"})
    return r"cannot be loaded|of another shape"


DAMAGES = (missing, renamed, half, cut, longer, pointer, empty, header, absent, reshaped)
IN_FILES = (cut, longer, pointer, empty, header)  # which headers tell, before anything is loaded


def refused(load) -> str:
    with pytest.raises(UsageError) as error:
        load()
    assert "\n" not in str(error.value) and len(str(error.value)) < 800
    return str(error.value)


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_parts_of_a_pipeline_are_whole_or_refused(part, damage, tmp_path):
    shutil.copytree(weights("generator"), tmp_path / "model")
    (file,) = (tmp_path / "model" / part).glob("*.safetensors")
    pattern = damage(file)
    config = GeneratorConfig(model=str(tmp_path / "model"), steps=4, fps=8, height=32, width=32, num_frames=17)
    message = refused(lambda: generators.load(config))
    assert message.startswith("generator.model=") and f"part {part}" in message and matches(pattern, message)
    if damage in IN_FILES:
        assert refused(lambda: feasible.check(config, [])) == message
    else:
        feasible.check(config, [])


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize(("kind", "shipped"), [(VJEPA2Model, "worldmodel"), (VideoMAEForPreTraining, "videomae")])
def test_networks_of_rewards_are_whole_or_refused(kind, shipped, damage, tmp_path):
    folder = shutil.copytree(weights(shipped), tmp_path / "model")
    pattern = damage(folder / "model.safetensors")
    message = refused(lambda: pretrained.network(kind, str(folder), "reward.model"))
    assert message.startswith("reward.model=") and matches(pattern, message)


def test_score_refuses_a_world_model_that_lacks_a_tensor(tmp_path, capsys):
    """Filled with random numbers, the same video would score differently in every call."""
    folder = shutil.copytree(weights("worldmodel"), tmp_path / "model")
    pattern = missing(folder / "model.safetensors")
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), np.uint8)
    (tmp_path / "film.mp4").write_bytes(encode(frames, 8))
    words = ["score", str(tmp_path / "film.mp4"), "--reward", "vjepa2", "--set"]
    assert main([*words, "model=tiny"]) == 0
    capsys.readouterr()
    assert main([*words, f"model={folder}"]) == 2
    out, err = capsys.readouterr()
    assert not out and len(err.splitlines()) == 1 and matches(pattern, err)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("part", ["generator", "worldmodel"])
def test_a_run_on_ray_refuses_weights_that_are_not_whole(part, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", "0")
    folder = shutil.copytree(weights(part), tmp_path / "model")
    file = "transformer/diffusion_pytorch_model.safetensors" if part == "generator" else "model.safetensors"
    pattern = missing(folder / file)
    job = {
        "run": str(tmp_path / "run"),
        "prompts": {"items": [{"id": "p", "text": "a ball"}]},
        "search": {"name": "best_of_n", "n": 2},
        "generator": {"steps": 4, "fps": 8, "height": 32, "width": 32, "num_frames": 17},
        "reward": {"name": "vjepa2", "stride": 1},
        "watch": [],
        "cluster": {"generators": {"replicas": 1, "num_cpus": 0.5}, "rewards": {"replicas": 1, "num_cpus": 0.5}},
    }
    job["generator" if part == "generator" else "reward"]["model"] = str(folder)
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["run", str(tmp_path / "job.yaml")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "not whole" in line]
    assert len(lines) == 1 and matches(pattern, lines[0])
    assert not list((tmp_path / "run").glob("best/*.mp4"))


def test_the_shipped_models_are_whole():
    for kind, shipped in ((VJEPA2Model, "worldmodel"), (VideoMAEForPreTraining, "videomae")):
        network = pretrained.network(kind, str(weights(shipped)), "reward.model")
        stock = kind.from_pretrained(weights(shipped)).state_dict()
        assert stock.keys() == network.state_dict().keys() and not network.training
        assert all(torch.equal(v, stock[k]) for k, v in network.state_dict().items())


def test_a_shard_that_is_absent(tmp_path):
    t5().save_pretrained(tmp_path, max_shard_size="10KB")
    assert pretrained.network(T5EncoderModel, str(tmp_path), "k.model") is not None
    shard = sorted(tmp_path.glob("*.safetensors"))[-1]
    shard.unlink()
    assert f"names {shard.name}, which is absent" in refused(
        lambda: pretrained.network(T5EncoderModel, str(tmp_path), "k.model")
    )
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    assert "is no index of weights" in refused(lambda: pretrained.network(T5EncoderModel, str(tmp_path), "k.model"))


def llama() -> LlamaModel:
    config = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    return LlamaModel(config)


def clip_text() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    return CLIPTextModel(config)


@pytest.mark.parametrize(
    ("make", "computed", "foreign"),
    [
        (clip_text, "text_model.embeddings.position_ids", "rotary_emb.inv_freq"),
        (llama, "layers.0.self_attn.rotary_emb.inv_freq", "embeddings.position_ids"),
        (t5, "", "encoder.embeddings.position_ids"),
    ],
    ids=["clip", "llama", "t5"],
)
def test_what_older_checkpoints_hold_is_expected_of_its_family_alone(make, computed, foreign, tmp_path):
    network = make()
    network.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    if computed:
        save_file(tensors | {computed: torch.arange(4)}, file, {"format": "pt"})
        assert pretrained.network(type(network), str(tmp_path), "k.model") is not None
    save_file(tensors | {foreign: torch.arange(4)}, file, {"format": "pt"})
    assert f"1 tensor not those of the network ({foreign})" in refused(
        lambda: pretrained.network(type(network), str(tmp_path), "k.model")
    )


def test_what_a_network_ties_is_no_fault(tmp_path):
    """T5 keeps one embedding under two names."""
    t5().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    assert sum("shared" in k or "embed_tokens" in k for k in tensors) == 1
    network = pretrained.network(T5EncoderModel, str(tmp_path), "k.model")
    assert torch.equal(network.shared.weight, t5().shared.weight)


@pytest.mark.parametrize("reward", ["vjepa2", "videomae"])
@pytest.mark.parametrize("damage", IN_FILES, ids=lambda d: d.__name__)
def test_the_headers_of_a_reward_are_checked_before_anything_is_spent(reward, damage, tmp_path, capsys):
    shipped = {"vjepa2": "worldmodel"}.get(reward, reward)
    folder = shutil.copytree(weights(shipped), tmp_path / "model")
    pattern = damage(folder / "model.safetensors")
    words = ["plan", "jobs/demo.yaml", "--seconds-per-nfe", "1", f"run={tmp_path}/run"]
    assert main([*words, f"reward={{name: {reward}, model: {folder}}}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("raysearch: reward.model=") and len(error.splitlines()) == 1 and matches(pattern, error)
    parts = f"reward={{name: fuse, parts: [{{name: motion}}, {{name: {reward}, model: {folder}}}]}}"
    assert main([*words, parts, "watch=[]"]) == 2
    assert capsys.readouterr().err.startswith("raysearch: reward.parts[1].model=")


def test_the_command_line_neither_runs_nor_asks_about_code_of_a_vlm(tmp_path):
    """With `y` on standard input, as a person would answer."""
    trace = tmp_path / "ran"
    (tmp_path / "evilmod.py").write_text(f"open({str(trace)!r}, 'w')\nraise SystemExit('remote code ran')\n")
    mapped = {"AutoConfig": "evilmod.X", "AutoModelForImageTextToText": "evilmod.X"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": mapped}))
    frames = np.zeros((16, 32, 32, 3), np.uint8)
    (tmp_path / "film.mp4").write_bytes(encode(frames, 8))
    words = ["score", str(tmp_path / "film.mp4"), "--reward", "vlm", "--set", f"model={tmp_path}"]
    ended = subprocess.run(
        [sys.executable, "-m", "raysearch.cli", *words], input="y\n" * 9, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2 and not trace.exists() and "[y/N]" not in ended.stdout + ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("raysearch:")]
    assert "brings its own code, which is not run here" in line


@pytest.mark.parametrize("kind", [AutoConfig, AutoTokenizer], ids=lambda k: k.__name__)
def test_code_that_a_model_brings_is_neither_run_nor_asked_about(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *args: pytest.fail("asked"))
    tokenizer().save_pretrained(tmp_path)
    trace = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(trace)!r}, 'w')\nclass Config: pass\nclass Tokenizer: pass\n")
    mapped = {"AutoConfig": "evil.Config", "AutoTokenizer": ["evil.Tokenizer", None]}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": mapped}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": mapped}))
    assert "brings its own code, which is not run here" in refused(
        lambda: pretrained.auto(kind, str(tmp_path), "vlm.model")
    )
    assert not trace.exists()


def test_every_load_of_the_product_goes_through_one_place():
    """Also what is passed on as a function: the names may not appear elsewhere at all."""
    outside = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            if name in ("from_pretrained", "from_config", "from_single_file", "load_lora_weights", "torch_load"):
                outside.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {name}")
    assert [o for o in outside if not o.startswith("pretrained/")] == []


def test_every_loading_call_says_whether_code_of_a_model_may_run():
    """Of transformers and of pipelines; diffusers' networks take no such argument and run none."""
    tree = ast.parse((PACKAGE / "pretrained/__init__.py").read_text())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "from_pretrained"]
    assert len(calls) == 3
    explicit = [{k.arg for k in call.keywords} for call in calls]
    assert sum("trust_remote_code" in names for names in explicit) == 2  # `network` adds it to its options
    assert 'options["trust_remote_code"] = trust' in (PACKAGE / "pretrained/__init__.py").read_text()
