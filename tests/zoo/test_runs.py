"""`raysearch run` with pipelines of four families, saved by save_pretrained and loaded by path."""

import json

import av
import pytest
import yaml

from examples.tiny_parts import film
from raysearch.cli import main
from raysearch.videos import decode, encode
from tests.zoo import others, wan

FRAMES, FPS = 17, 8


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Files to start from: an image and a clip of five frames."""
    folder = tmp_path_factory.mktemp("given")
    from PIL import Image

    Image.fromarray(film(1, 32)[0]).save(folder / "first.png")
    (folder / "start.mp4").write_bytes(encode(film(5, 32), FPS))
    return {"image": str(folder / "first.png"), "video": str(folder / "start.mp4")}


@pytest.mark.parametrize(
    "build, takes, executor",
    [
        (wan.wan, None, "inline"),
        (wan.wan_image, "image", "inline"),
        (wan.vace, "video", "inline"),
        (others.cog, None, "inline"),
        pytest.param(wan.vace, "video", "ray", marks=pytest.mark.slow),
    ],
    ids=["wan-text", "wan-image", "vace-continuation", "cogvideox-text", "vace-continuation-on-ray"],
)
def test_a_saved_pipeline_runs(build, takes, executor, given, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", "0")
    build().save_pretrained(tmp_path / "model", safe_serialization=True)
    prompt = {"id": "p", "text": "a red ball rolls left"} | ({takes: given[takes]} if takes else {})
    job = {
        "run": str(tmp_path / "run"),
        "prompts": {"items": [prompt]},
        "search": {"name": "best_of_n", "n": 2},
        "generator": {
            "model": str(tmp_path / "model"), "steps": 2, "fps": FPS, "height": 16, "width": 16,
            "num_frames": FRAMES, "guidance_scale": 3.0, "call": {"max_sequence_length": 16},
        },
        "reward": {"name": "vjepa2", "model": "tiny", "stride": 1},
        "cluster": {"executor": executor, "generators": {"replicas": 1, "num_cpus": 0.5},
                    "rewards": {"replicas": 1, "num_cpus": 0.5}},
    }  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["run", str(tmp_path / "job.yaml")]) == 0
    result = json.loads((tmp_path / "run/result.json").read_text())
    (search,) = result["searches"]
    assert search["error"] is None and len({o["reward"] for o in search["finals"]}) == 2
    film_of_best = tmp_path / "run/best/p.mp4"
    told = json.loads(film_of_best.with_suffix(".json").read_text())
    assert told["video"]["frames"] == FRAMES and told["key"] == search["finals"][search["best"]]["key"]
    frames, fps = decode(str(film_of_best))
    assert len(frames) == FRAMES and fps == FPS
    with av.open(str(film_of_best)) as container:
        stream = container.streams.video[0]
        assert stream.codec.name == "h264"
        assert float(container.duration / av.time_base) == pytest.approx(FRAMES / FPS, abs=0.01)
