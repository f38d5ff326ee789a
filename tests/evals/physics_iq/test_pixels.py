"""Motion masks and resizing."""

import numpy as np
import pytest

from raysearch.evals.physics_iq import pixels


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
