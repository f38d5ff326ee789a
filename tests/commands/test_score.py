"""`raysearch score`: files, folders and patterns; a bad file is one line and the others are scored; maps; JSON."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from raysearch import rewards
from raysearch.cli import main
from raysearch.commands.score import destinations, files
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.sampling.workers import squashed
from raysearch.tinyworld.heldout import condition
from raysearch.videos import decode, encode, read
from tests.rewards import vlms
from tests.rewards.test_plugins import distribution


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
        [("empty.mp4", "the file is empty"), ("cut.mp4", "not a video"), ("short.mp4", "9 frames, fewer than"),
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


def rows(capsys, *words) -> dict[str, dict]:
    code, out, err = told(capsys, *words, "--json")
    assert code == 0, err
    return {row["video"]: row for row in json.loads(out)["videos"]}


def test_any_reward_judges_files_and_says_what_it_measures(capsys, videos):
    code, out, err = told(capsys, "--reward", "motion", videos / "good", videos / "empty.mp4")
    lines = out.splitlines()
    assert code == 2 and len(err) == 1 and "empty.mp4" in err[0] and len(lines) == 5
    assert lines[0].startswith("motion: ") and "no quality" in lines[0] and "surprise" not in out
    assert [float(line.split()[3]) for line in lines[2:]] == sorted(float(x.split()[3]) for x in lines[2:])[::-1]
    paths = [str(videos / "good" / f"{n}.mp4") for n in ("pair", "scene-0", "scene-1")]
    found = rows(capsys, "--reward", "motion", videos / "good")
    for path in paths:  # in grey levels, of the whole frames
        assert found[path]["reward"] == pytest.approx(np.abs(np.diff(decode(path)[0].astype(float), axis=0)).mean())
    assert found == rows(capsys, videos / "good", "--set", "name=motion")


def test_videomae_sees_files_as_in_a_run(capsys, videos):
    path = videos / "good" / "pair.mp4"
    found = rows(capsys, "--reward", "videomae", path, "--set", "stride=1")[str(path)]
    reward = rewards.load({"name": "videomae", "stride": 1})
    small = squashed(decode(path)[0], reward.size)
    assert small.shape[1:3] == (reward.size,) * 2 and decode(path)[0].shape[1:3] == (256, 256)
    assert found["reward"] == reward.score(small).value and "surprise_1" in found
    _, out, _ = told(capsys, "--reward", "videomae", path)
    assert out.startswith("videomae: ") and "highest in window" in out


def test_a_fuse_shows_its_parts_and_keeps_who_does_not_pass_last(capsys, videos):
    parts = "parts=[{name: vjepa2}, {name: motion, weight: 0}]"
    moves = rows(capsys, "--reward", "fuse", videos / "good", "--set", parts).values()
    words = [parts, f"at_least={{motion: {sorted(r['motion'] for r in moves)[1]}}}"]
    code, out, _ = told(capsys, "--reward", "fuse", "--set", *words, "--", videos / "good")
    head, *lines = out.splitlines()[1:]
    assert code == 0 and head.split()[3:] == ["reward", "vjepa2", "motion", "passed"]
    assert [line.split()[3] == "nan" for line in lines] == [False, False, True]
    code, out, _ = told(capsys, "--reward", "fuse", "--set", *words, "--json", "--", videos / "good")
    found = json.loads(out)  # strict JSON, as result.json writes NaN
    assert [r["reward"] for r in found["videos"]].count({"float": "nan"}) == 1
    assert found["settings"]["parts"][0]["window"] == 16 and len(found["settings"]["weights"]) == 32
    by_path = rows(capsys, videos / "good")
    assert all(r["vjepa2"] == pytest.approx(by_path[r["video"]]["reward"], abs=0.02) for r in found["videos"])
    uneven = ["parts=[{name: vjepa2, window: 8, context: 4, frames: {fps: 4}}]", "--", videos / "uneven.mkv"]
    code, _, err = told(capsys, "--reward", "fuse", "--set", *uneven)
    assert code == 2 and len(err) == 1 and "variable frame rate" in err[0]


CLIPPED = """
from raysearch.rewards import Scores
class Clipped:
    "How bright the corner is."
    size, differentiable = 8, False
    def __init__(self, gain: float = 1.0):
        self.gain = gain
    def score(self, view, prompt):
        if len(view) < 10:
            raise IndexError("too\\nshort")
        return Scores(self.gain * float(view[0, 0, 0, 0]), {"side": view.shape[1], "fps": len(prompt.text)})
"""


def test_a_plug_in_sees_its_square_and_the_text_and_hurts_no_other_file(capsys, videos, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(distribution(tmp_path, "plug-clipped", "clipped = plug_clipped:Clipped", CLIPPED)))
    words = ["--reward", "clipped", videos / "good/pair.mp4", videos / "short.mp4"]
    code, out, err = told(capsys, *words, "--text", "a ball", "--json", "--set", "gain=2")
    assert code == 2 and len(err) == 1 and err[0].endswith("short.mp4: reward clipped failed: IndexError: too short")
    (row,) = json.loads(out)["videos"]
    assert (row["side"], row["clipped.fps"], row["fps"]) == (8, 6, 8)
    assert row["reward"] == 2 * squashed(decode(videos / "good/pair.mp4")[0], 8)[0, 0, 0, 0]
    assert json.loads(out)["settings"]["text"] == "a ball"
    code, out, _ = told(capsys, *words)
    assert out.startswith("clipped: How bright the corner is.")


def test_a_question_about_the_text_is_asked_with_it(capsys, videos, tmp_path):
    model, path = vlms.write("qwen2_5_vl", tmp_path / "vlm"), videos / "good/pair.mp4"
    words = ["--reward", "vlm", path, "--set", f"model={model}", "dtype=float32", "size=32", "frames=4", "fps=8"]
    found = rows(capsys, *words, "questions=text", "--text", "a ball falls")[str(path)]
    reward = rewards.load({"name": "vlm", "model": str(model), "dtype": "float32", "size": 32, "frames": 4, "fps": 8,
                           "questions": "text"})  # fmt: skip
    small = squashed(decode(path)[0], reward.size)
    assert found["reward"] == reward.score(small, Prompt("x", "a ball falls")).value
    assert found["reward"] != rows(capsys, *words, "questions=text", "--text", "two cubes")[str(path)]["reward"]
    for question in ("text", "'Is this {text}?'", "{text: 1, physics: 2}", "[physics, text]"):
        code, out, err = told(capsys, *words, f"questions={question}")
        assert code == 2 and not out and len(err) == 1
        assert "vlm asks about the text of the prompt" in err[0] and '--text "a ball falls"' in err[0]
    assert "physics" in rows(capsys, *words)[str(path)]


def test_relative_motion_compares_with_a_clip(capsys, videos, tmp_path):
    path = videos / "good/pair.mp4"
    (tmp_path / "clip.mp4").write_bytes(encode(condition("two_balls", 0).video[:5], 8))
    words = ["--reward", "motion", path, "--set", "relative=true"]
    found = rows(capsys, *words, "--clip", tmp_path / "clip.mp4")[str(path)]
    assert found["reward"] == found["made"] / found["given"] and found["reward"] > 0
    (tmp_path / "one.mp4").write_bytes(encode(condition("two_balls", 0).video[:1], 8))
    for more, wants in (
        ([], "--clip FILE"), (["--clip", "no.mp4"], "no such file"), (["--clip", tmp_path / "one.mp4"], "single frame"),
    ):  # fmt: skip
        code, out, err = told(capsys, *words, *more)
        assert code == 2 and not out and len(err) == 1 and wants in err[0]


@pytest.mark.parametrize(("words", "wants"), [
    (["--reward", "moton"], "did you mean 'motion'"),
    (["--reward", "motion", "--set", "relativ=true"], "did you mean 'relative'"),
    (["--reward", "motion", "--set", "name=flicker"], "say one of them"),
    (["--reward", "motion", "--map", "out.mp4"], "motion does not tell where in a video; these do: breaks, vjepa2"),
    (["--reward", "vjepa2_features"], "measures no quality"),
    (["--reward", "tinyworld_truth"], "which a file does not tell"),
    (["--reward", "vlm", "--set", "model=./nowhere"], "no such folder"),
    (["--reward", "vlm", "--text", "a ball"], "--text: vlm as it is set asks for none"),
    (["--clip", "a.mp4"], "--clip: vjepa2 as it is set asks for none"),
])  # fmt: skip
def test_what_cannot_be_is_one_line_before_anything_is_loaded(capsys, videos, monkeypatch, words, wants):
    monkeypatch.setattr(rewards, "load", None)  # would fail otherwise
    code, out, err = told(capsys, videos / "good/pair.mp4", *words)
    assert code == 2 and not out and len(err) == 1 and wants in err[0]
