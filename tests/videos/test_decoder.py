"""What a file says about its frames is honoured, refused or noted."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageCms

from examples.media import ramp, save, turned
from raysearch import videos
from raysearch.errors import UsageError
from raysearch.videos import decoder

MATRICES = {  # display matrix (a, b, c, d): the same on an array [..., H, W, 3]
    (1, 0, 0, 1): lambda x: x,
    (-1, 0, 0, -1): lambda x: x[..., ::-1, ::-1, :],
    (0, 1, -1, 0): lambda x: np.rot90(x, -1, (-3, -2)),
    (0, -1, 1, 0): lambda x: np.rot90(x, 1, (-3, -2)),
    (-1, 0, 0, 1): lambda x: x[..., ::-1, :],
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_display_matrices_turn_and_mirror(tmp_path, matrix):
    plain = videos.read(save(tmp_path / "a.mp4", ramp(3))).frames
    assert np.array_equal(videos.read(turned(tmp_path / "a.mp4", matrix)).frames, MATRICES[matrix](plain))


def test_slanted_frames_are_refused(tmp_path):
    path = turned(save(tmp_path / "a.mp4", ramp(3)), (0.7071, 0.7071, -0.7071, 0.7071))
    with pytest.raises(UsageError, match="angle"):
        videos.read(path)


@pytest.mark.parametrize(("ratio", "size"), [(Fraction(2), (64, 192)), (Fraction(1, 2), (128, 96))])
def test_pixels_become_square(tmp_path, ratio, size):
    path = save(tmp_path / "wide.mp4", ramp(3), ratio=ratio)
    assert videos.read(path).frames.shape == (3, *size, 3)


def test_pixels_of_an_impossible_shape_are_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be meant"):
        videos.read(save(tmp_path / "a.mp4", ramp(3), ratio=Fraction(9)))


@pytest.mark.parametrize("transfer", decoder.TRANSFERS)
def test_other_transfer_functions_are_refused(tmp_path, transfer):
    path = save(tmp_path / "a.mp4", ramp(3), form="yuv420p10le", tags={"color_trc": transfer})
    with pytest.raises(UsageError, match=r"its numbers are .*; convert it to SDR"):
        videos.read(path)
    with pytest.raises(UsageError, match="its numbers are"):
        videos.scan(path)


def test_ten_bits_become_eight_over_the_full_range(tmp_path):
    frames = ramp(3)
    deep = save(tmp_path / "deep.mp4", frames, form="yuv420p10le", options={"qp": "0"})
    assert np.abs(videos.read(deep).frames.astype(int) - frames).max() <= 4


@pytest.mark.parametrize(("name", "codec"), [("a.apng", "apng"), ("a.mov", "qtrle")])
def test_transparent_videos_are_shown_on_white_and_it_is_noted(tmp_path, name, codec):
    frames = np.zeros((3, 48, 64, 4), np.uint8)
    frames[:, :24, :, 3] = 255
    form = {"apng": "rgba", "qtrle": "argb"}[codec]
    found = videos.read(save(tmp_path / name, frames, codec=codec, form=form, source="rgba"))
    assert (found.frames[:, :24] == 0).all() and (found.frames[:, 24:] == 255).all()
    assert found.notes == (decoder.TRANSPARENT,)


def test_of_two_streams_one_is_read_and_it_is_noted(tmp_path):
    found = videos.read(save(tmp_path / "a.mp4", ramp(4), second=ramp(9, (64, 48))))
    assert found.frames.shape == (4, 64, 96, 3) and "several video streams" in found.notes[0]


def test_interlaced_videos_are_noted(tmp_path):
    found = videos.read(save(tmp_path / "a.mp4", ramp(4), options={"x264-params": "tff=1"}))
    assert found.notes == (decoder.INTERLACED,)


@pytest.mark.parametrize(
    ("tag", "red", "blue"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (7, 0.212, 0.087), (9, 0.2627, 0.0593)]
)
@pytest.mark.parametrize("full", [False, True])
def test_matrix_and_range_are_as_tagged(tmp_path, tag, red, blue, full):
    """Colours come back whatever the matrix (ITU-R BT.601, 709, 2020, SMPTE 240M); a wrong one is off by 15 levels."""
    colours = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90)])
    luma = colours @ (red, 1 - red - blue, blue) / 255
    chroma = (colours[:, 2] / 255 - luma) / (2 - 2 * blue), (colours[:, 0] / 255 - luma) / (2 - 2 * red)
    high, wide, low = (255, 255, 0) if full else (219, 224, 16)
    values = np.stack([low + high * luma, *(128 + wide * c for c in chroma)]).round().astype(np.uint8)
    planes = np.broadcast_to(values.repeat(16, 1)[None, :, None], (2, 3, 48, 64))
    path = save(tmp_path / "a.mp4", planes, source="yuv444p", form="yuv444p", options={"qp": "0"},
                tags={"colorspace": tag, "color_range": 2 if full else 1})  # fmt: skip
    found = videos.read(path).frames[:, 20, 8::16].astype(int)
    assert np.abs(found - colours).max() <= 2


def test_images_are_upright_composited_and_eight_bits(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    assert videos.read_image(tmp_path / "turned.jpg").shape == (8, 4, 3)
    Image.fromarray(np.zeros((4, 8, 4), np.uint8)).save(tmp_path / "clear.png")
    assert (videos.read_image(tmp_path / "clear.png") == 255).all()
    Image.fromarray(np.full((4, 8), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert (videos.read_image(tmp_path / "deep.png") == 128).all()
    Image.fromarray(np.zeros((4, 8), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(UsageError, match="floating-point"):
        videos.read_image(tmp_path / "float.tiff")


@pytest.mark.parametrize("kind", ["tiff", "png", "jpeg", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_images_on_their_side_stand_up(tmp_path, kind, mode):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = ramp(3)[2]
    Image.fromarray(picture).convert(mode).save(tmp_path / f"a.{kind}", exif=exif, quality=95)
    found = videos.read_image(tmp_path / f"a.{kind}").astype(int)
    assert found.shape == (96, 64, 3) and np.abs(found - np.rot90(picture, -1)).mean() < 3


def test_the_first_picture_of_an_animation_is_read_and_it_is_noted(tmp_path):
    first, *others = (Image.fromarray(f) for f in ramp(3))
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    assert "first picture" in videos.read(tmp_path / "a.gif", "image").notes[0]


def test_colour_profiles_of_images_are_applied(tmp_path):
    red = Image.new("RGB", (4, 4), (200, 100, 50))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red.save(tmp_path / "same.png", icc_profile=srgb)
    assert (videos.read_image(tmp_path / "same.png") == (200, 100, 50)).all()
    for data in (b"no profile", lab):
        red.save(tmp_path / "odd.png", icc_profile=data)
        found = videos.read(tmp_path / "odd.png", "image")
        assert "colour profile" in found.notes[0] and (found.frames == (200, 100, 50)).all()
