"""The scorer against the official scorer's own tables, on other sizes and rates, and on input that does not fit."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raysearch import cli
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import clips, layout, metrics, pixels, protocol, reals, score, scorer, table
from tests.evals.physics_iq import case

HERE = Path(__file__).parent


FEW = ("half", "noise")  # models, and scenarios, of which one moves and one does not: a sixth of the work
KINDS = ("ball-fall", "static")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("case")
    case.write(root, FEW, kinds=KINDS)
    return root


@pytest.fixture(scope="module")
def tables(root):
    data = layout.read(root / "physics-IQ-benchmark", 8)
    models = [scorer.folder(root / "gen" / m, data) for m in FEW]
    return dict(zip(FEW, scorer.run(data, models, root / "cache"), strict=True))


@pytest.fixture(scope="module")
def official():
    """The tables that the official scorer wrote, of all scenarios."""
    return {m: table.read_csv(HERE / "official" / f"{m}.csv") for m in ("freeze", "half", "noise")}


def equals(mine, theirs):
    """Whether the measures are those of the official scorer, up to the order of its sums."""
    for key, measures in mine.items():
        for name, found in measures.items():
            wanted, slack = theirs[key][name], 2e-9 if "mse" in name else 4e-16
            assert np.shape(found) == np.shape(wanted)
            assert np.abs(np.subtract(found, wanted)).max() <= slack, (key, name)
    return True


@pytest.mark.parametrize("model", FEW)
def test_equals_the_official_table(tables, official, model):
    assert len(tables[model]) == 6 and equals(tables[model], official[model])


@pytest.mark.parametrize("model", ["freeze", "half", "noise"])
def test_equals_the_official_scores(official, model):
    original, verified = case.OFFICIAL[model]
    assert score.original(official[model])["score"] == original
    assert score.verified(official[model])["score"] == pytest.approx(verified, abs=1e-9)


@pytest.mark.slow
def test_the_whole_data_set_equals_the_official_tables_and_scores(tmp_path, official):
    case.write(tmp_path, case.MODELS)
    data = layout.read(tmp_path / "physics-IQ-benchmark", 8)
    models = [scorer.folder(tmp_path / "gen" / m, data) for m in case.MODELS]
    for name, mine in zip(case.MODELS, scorer.run(data, models, tmp_path / "cache"), strict=True):
        original, verified = case.OFFICIAL[name]
        assert score.original(mine)["score"] == original
        assert score.verified(mine)["score"] == pytest.approx(verified, abs=1e-9)
        if name in official:
            assert set(mine) == set(official[name]) and equals(mine, official[name])


def test_the_csv_comes_back_and_has_the_official_columns(tables, tmp_path):
    (tmp_path / "t.csv").write_text(table.to_csv(tables["half"]))
    assert table.read_csv(tmp_path / "t.csv") == tables["half"]
    columns = (HERE / "official" / "half.csv").read_text().splitlines()[0]
    assert columns.split(",") == list(table.COLUMNS) and len(table.COLUMNS) == 37
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "u.csv").write_text(text.replace("v1_mse_perspective-left", "v1_msa_perspective-left", 1))
    with pytest.raises(UsageError, match=r"u\.csv: has no column 'v1_mse_perspective-left'; rename 'v1_msa_"):
        table.read_csv(tmp_path / "u.csv")


def test_four_runs_have_a_mean_and_a_sample_deviation(official):
    found = protocol.over_runs([official["freeze"], official["half"]])
    a, b = case.OFFICIAL["freeze"][1], case.OFFICIAL["half"][1]
    assert found["score"]["mean"] == pytest.approx((a + b) / 2)
    assert found["score"]["std"] == pytest.approx(abs(a - b) / 2**0.5)
    with pytest.raises(UsageError, match="5 runs"):
        protocol.over_runs([official["half"]] * 5)


def test_real_clips_are_read_once(root, tables, monkeypatch):
    def broken(*args):
        raise AssertionError("read again")

    monkeypatch.setattr(reals, "_compute", broken)
    data = layout.read(root / "physics-IQ-benchmark", 8)
    model = scorer.folder(root / "gen" / "half", data)
    assert scorer.run(replace(data, views=data.views[:1]), [model], root / "cache")[0]


def score_half(root, out, *words):
    words = ["physics-iq", "score", str(root / "gen" / "half"), "--data", str(root / "physics-IQ-benchmark"), *words]
    return cli.main([*words, "--out", str(out), "--cache", str(root / "cache")])


def test_the_command_writes_the_table_and_the_scores(root, tables, tmp_path, capsys):
    assert score_half(root, tmp_path, "--workers", "0") == 0
    assert table.read_csv(tmp_path / "half.csv") == tables["half"]
    told, wanted = json.loads((tmp_path / "half.json").read_text()), score.scores(tables["half"])
    assert f"{wanted['verified']:.2f}" in capsys.readouterr().out
    assert told["original"]["score"] == wanted["original"]
    assert told["by_category"] == {"Solid Mechanics": pytest.approx(wanted)}
    assert told["interval"]["verified"][0] < wanted["verified"] < told["interval"]["verified"][1]
    assert set(told["by_perspective"]) == set(case.VIEWS)


@pytest.mark.slow
def test_ray_gives_the_same_table(root, tables, tmp_path):
    assert score_half(root, tmp_path, "--workers", "2") == 0
    assert table.read_csv(tmp_path / "half.csv") == tables["half"]


@pytest.mark.parametrize(("fps", "size"), [(16, (100, 60)), (24, (64, 36)), (30, (66, 50))])
def test_a_copy_of_take_1_scores_100_at_every_rate_and_size(tmp_path, fps, size):
    bench = case.write(tmp_path, ["take1", "half"], fps=fps, size=size, kinds=("ball-roll",))
    data = layout.read(bench, fps)
    models = [scorer.folder(tmp_path / "gen" / m, data) for m in ("take1", "half")]
    copy, half = scorer.run(data, models, tmp_path / "cache")
    assert score.scores(copy) == {"verified": pytest.approx(100, abs=1e-5), "original": 100.0}
    assert 0 < score.verified(half)["score"] < 99
    lengths = {len(m["v1_mse"]) for m in half.values()}
    assert lengths == {5 * fps}


def test_shipped_masks_are_used_if_they_are_there(tmp_path):
    bench = case.write(tmp_path, ["take1"], size=(64, 48), kinds=("ball-roll",))
    data = layout.read(bench, 8)
    for view in data.views:
        for take, path in view.real.items():
            number = path.name[:4]
            name = f"{number}_video-masks_8FPS_{view.view}_take-{take}_{view.scenario}"
            white = np.full((40, 48, 64, 3), 255, np.uint8)
            case.save(bench / "video-masks/real/8FPS" / name, white, 8)
    table_ = scorer.run(layout.read(bench, 8), [scorer.folder(tmp_path / "gen/take1", data)], tmp_path / "c")[0]
    assert all(m["variance_spatial"] == 1.0 and m["spatial_iou_v1"] < 1 for m in table_.values())


def test_masks_follow_what_moves():
    frames = np.full((6, 40, 60, 3), 50, np.uint8)
    for t in range(6):
        frames[t, 10:22, 5 + 8 * t : 17 + 8 * t] = 250
    found = list(pixels.masks(frames))
    assert not found[0].any() and all(m[10:22].any() and not m[30:].any() for m in found[1:])
    assert not any(m.any() for m in pixels.masks(np.repeat(frames[:1], 4, 0)))


@pytest.mark.parametrize("source", [(97, 64), (64, 97), (30, 30), (90, 48), (45, 24)])
def test_resize_is_within_a_level_of_exact_bilinear(source):
    image = np.random.default_rng(0).integers(0, 256, (*source, 3), dtype=np.uint8)
    height, width = 45, 24
    y, x = ((np.arange(n) + 0.5) * s / n - 0.5 for n, s in ((height, source[0]), (width, source[1])))
    y, x = y.clip(0, source[0] - 1), x.clip(0, source[1] - 1)
    y0, x0 = np.minimum(y.astype(int), source[0] - 2), np.minimum(x.astype(int), source[1] - 2)
    fy, fx = (y - y0)[:, None, None], (x - x0)[None, :, None]
    rows = [image[y0 + k][:, x0] * (1 - fx) + image[y0 + k][:, x0 + 1] * fx for k in (0, 1)]
    exact = rows[0] * (1 - fy) + rows[1] * fy
    assert np.abs(pixels.resize(image, width, height) - exact).max() <= 1.0


def test_squared_error_is_exact():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (2, 37, 53, 3), dtype=np.uint8)
    exact = int(((a.astype(np.int64) - b) ** 2).sum())
    assert metrics.squared(a, b) == exact / (a.size * 255.0**2)


@pytest.fixture
def small(tmp_path):
    """One scenario at 64 x 48 with a good folder of clips."""
    bench = case.write(tmp_path, ["take1"], size=(64, 48), kinds=("ball-roll",))
    return bench, tmp_path / "gen" / "take1"


def spoil_missing(folder):
    (folder / "0002_perspective-center_trimmed-synth-ball-roll.mp4").unlink()
    return r"0002_perspective-center\S*\.mp4: missing"


def spoil_duration(folder):
    return rewrite(folder, lambda f: (f[:39], 8)) + ": lasts 4.875 s"


def spoil_odd(folder):
    path = folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4"
    case.save(path, np.zeros((40, 47, 63, 3), np.uint8), 8)
    return path.name + r": is 63x47; width and height must be even"


def spoil_pace(folder):
    path = folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4"
    times = [125 * k + (60 if k % 5 == 2 else 0) for k in range(40)]
    case.save(path, np.zeros((40, 48, 64, 3), np.uint8), 8, times=times)
    return path.name + ": the frame rate varies"


def spoil_double(folder):
    shutil.copy(folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4", folder / "0001_again.mp4")
    return r"number 0001 is there twice, also as 0001_again\.mp4"


def spoil_other_type(folder):
    (folder / "notes.txt").write_text("x")
    return r"notes\.txt: not a clip of this data set"


def spoil_rate(folder):
    return rewrite(folder, lambda f: (f.repeat(2, 0)[:60], 12)) + ": has 12 frames per second"


def spoil_bytes(folder):
    path = folder / "0003_perspective-right_trimmed-synth-ball-roll.mp4"
    path.write_bytes(b"not a video")
    return path.name + ": not a video that can be read"


def rewrite(folder, change):
    from raysearch.videos import decode

    path = folder / "0002_perspective-center_trimmed-synth-ball-roll.mp4"
    frames, rate = change(decode(path)[0])
    case.save(path, frames, rate)
    return path.name


@pytest.mark.parametrize(
    "spoil",
    [spoil_missing, spoil_duration, spoil_odd, spoil_pace, spoil_double, spoil_other_type, spoil_rate, spoil_bytes],
)
def test_bad_clips_are_one_line_that_names_the_file(small, tmp_path, capsys, spoil):
    bench, folder = small
    words = ["physics-iq", "score", str(folder), "--data", str(bench), "--out", str(tmp_path / "out"), "--workers", "0"]
    message = spoil(folder)
    assert cli.main([*words, "--cache", str(tmp_path / "cache")]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert re.search(message, told[0]), told
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()


def test_partial_scores_what_is_there(small, tmp_path, capsys):
    bench, folder = small
    spoil_missing(folder)
    words = ["physics-iq", "score", str(folder), "--data", str(bench), "--out", str(tmp_path / "out"), "--workers", "0"]
    assert cli.main([*words, "--cache", str(tmp_path / "cache"), "--partial"]) == 0
    told = json.loads((tmp_path / "out/take1.json").read_text())
    assert told["partial"] and told["views"] == 2 and told["of_views"] == 3
    assert len(table.read_csv(tmp_path / "out/take1.csv")) == 2


def test_a_wrong_data_set_is_named(small, tmp_path):
    bench, _ = small
    testing = bench / "split-videos/testing/8FPS"
    text = (tmp_path / "descriptions.csv").read_text()
    (tmp_path / "bad.csv").write_text(text.replace("category", "kind", 1))
    with pytest.raises(UsageError, match=r"bad\.csv: has no column 'category'"):
        layout.read(bench, 8, tmp_path / "bad.csv")
    with pytest.raises(UsageError, match="24FPS: no such folder"):
        layout.read(bench, 24)
    first = next(p for p in sorted(testing.iterdir()) if p.name.startswith("0004"))
    double = first.rename(first.with_name(first.name.replace("0004", "0001")))
    with pytest.raises(UsageError, match="number 0001 is there twice"):
        layout.read(bench, 8)
    double.unlink()
    with pytest.raises(UsageError, match="has no take 2"):
        layout.read(bench, 8)


def test_the_verified_layout_is_told_by_its_name(small, tmp_path):
    bench, _ = small
    other = bench.rename(tmp_path / "physics-IQ-benchmark-verified")
    assert layout.read(other, 8).verified
    assert clips.check(layout.read(other, 8).views[0].real[1]).frames == 40
