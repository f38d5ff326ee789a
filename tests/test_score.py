"""`raysearch score`: files, folders and patterns; a bad file is one line and the others are scored; maps; JSON."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from raysearch.cli import main
from raysearch.commands.score import destinations, files
from raysearch.errors import UsageError
from raysearch.tinyworld.heldout import condition
from raysearch.videos import decode, encode, read


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Three sound files in a folder, and beside it what can go wrong."""
    root = tmp_path_factory.mktemp("videos")
    (root / "good").mkdir()
    for k in range(2):
        (root / "good" / f"scene-{k}.mp4").write_bytes(encode(condition("one_ball", k).video, 8))
    whole = encode(condition("two_balls", 0).video, 8)
    (root / "good" / "pair.mp4").write_bytes(whole)
    (root / "good" / "notes.txt").write_text("no video")
    (root / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (root / "empty.mp4").write_bytes(b"")
    (root / "short.mp4").write_bytes(encode(condition("one_ball", 3).video[:9], 8))
    (root / "uneven.mkv").write_bytes(b"")
    uneven(root / "uneven.mkv", condition("one_ball", 4).video, [4, 8])
    return root


def uneven(path, frames, steps):
    """Frames shown for `steps` hundredths of a second in turn."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 100)
        at = 0
        for k, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.repeat(2, 0).repeat(2, 1)), format="rgb24")
            shown.pts, shown.time_base = at, Fraction(1, 100)
            at += steps[k % len(steps)]
            out.mux(stream.encode(shown))
        out.mux(stream.encode())


def told(capsys, *words):
    code = main(["score", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err.splitlines()


def test_bad_files_are_a_line_each_and_the_others_are_scored(capsys, videos):
    words = [videos / n for n in ("empty.mp4", "good/scene-0.mp4", "cut.mp4", "short.mp4", "none.mp4", "uneven.mkv")]
    code, out, err = told(capsys, *words)
    assert code == 2 and len(err) == 4 and len(out.splitlines()) == 3
    for line, (name, why) in zip(
        err,
        [("empty.mp4", "not a video"), ("cut.mp4", "not a video"), ("short.mp4", "9 frames, fewer than"),
         ("none.mp4", "no such file")],
        strict=True,
    ):  # fmt: skip
        assert line.startswith(f"raysearch: {videos / name}: ") and why in line
    assert "uneven.mkv" in out and "variable frame rate" in out


def test_a_variable_rate_matters_where_frames_are_chosen_by_the_clock(capsys, videos):
    assert read(videos / "uneven.mkv").uneven and not read(videos / "good" / "pair.mp4").uneven
    code, out, err = told(
        capsys, videos / "uneven.mkv", videos / "good/pair.mp4", "--set", "frames.fps=4", "window=8", "context=4"
    )
    assert code == 2 and len(err) == 1 and "uneven.mkv: variable frame rate" in err[0] and "pair.mp4" in out


def test_json_holds_all_settings_and_errors(capsys, videos):
    code, out, _ = told(capsys, videos / "good", videos / "empty.mp4", "--json", "--set", "stride=1", "worst=0.5")
    found = json.loads(out)
    assert code == 2
    assert [r["video"] for r in found["videos"]] == [
        str(videos / "good" / f"{n}.mp4") for n in ("pair", "scene-0", "scene-1")
    ]
    assert found["errors"][0]["video"] == str(videos / "empty.mp4")
    settings = found["settings"]
    assert (settings["worst"], settings["context"], settings["frames"]) == (0.5, [4, 6, 8], "all")
    assert len(settings["weights"]) == 32 and settings["dtype"] == "float32"


def test_maps_of_several_on_one_scale(capsys, videos, tmp_path):
    code, out, err = told(capsys, videos / "good", videos / "short.mp4", "--json", "--map", f"{tmp_path}/maps/")
    assert code == 2 and "3 videos on one scale" in err[0]
    rows = json.loads(out)["videos"]
    assert [r["map"] for r in rows] == [f"{tmp_path}/maps/{n}.mp4" for n in ("pair", "scene-0", "scene-1")]
    made, plain = decode(rows[0]["map"])[0], decode(rows[0]["video"])[0]
    assert made.shape == (17, 290, 256, 3)
    changed = np.abs(made[:, :256].astype(int) - plain).mean((1, 2, 3))
    assert changed[:4].max() < 2 < changed[4:].min()  # the first frames are given, not predicted
    code, *_ = told(capsys, videos / "good/pair.mp4", "--map", tmp_path / "one.mp4")
    assert code == 0 and decode(tmp_path / "one.mp4")[1] == 8


def test_which_files_are_meant(videos):
    names = lambda *words: [p.removeprefix(f"{videos}/") for p in files(words)]  # noqa: E731
    assert names(f"{videos}/good") == ["good/pair.mp4", "good/scene-0.mp4", "good/scene-1.mp4"]
    assert names(f"{videos}/**/scene*.mp4", f"{videos}/good/scene-1.mp4") == ["good/scene-0.mp4", "good/scene-1.mp4"]
    assert files(["nowhere.mp4"]) == ["nowhere.mp4"]  # an error of its own, later
    for nothing in (f"{videos}/*.avi", str(videos.parent / "none*")):
        with pytest.raises(UsageError, match="no videos there"):
            files([nothing])


def test_where_maps_go(tmp_path):
    paths = ["a/x.mp4", "b/x.mp4", "c/y.mov"]
    assert [str(p) for p in destinations(paths, "out.mp4")] == ["out-x.mp4", "out-x-2.mp4", "out-y.mp4"]
    assert [str(p) for p in destinations(paths[:1], "m/out.mp4")] == ["m/out.mp4"]
    assert [p.name for p in destinations(paths, str(tmp_path))] == ["x.mp4", "x-2.mp4", "y.mp4"]
    with pytest.raises(UsageError, match=r"ends in \.mp4, or a folder"):
        destinations(paths, "out.gif")
