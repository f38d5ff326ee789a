"""Features for the consensus: few numbers that keep the distances between videos."""

import math

import numpy as np
import torch

from raysearch import rewards
from raysearch.evals import validate
from raysearch.rewards.networks import pixels


def test_a_short_projection_keeps_distances():
    videos = [side() for pair in validate.tiny(2) for side in (pair.possible, pair.impossible)][:16]
    reward = rewards.load({"name": "vjepa2_features"})
    found = [reward.score(v) for v in videos]
    assert all(math.isnan(f.value) and list(f.details) == [f"_{k}" for k in range(64)] for f in found)
    short = np.array([list(f.details.values()) for f in found])
    with torch.no_grad():
        whole = torch.stack([reward.pooled(pixels.tensor(v)).flatten() for v in videos]).numpy()
    a, b = (np.linalg.norm(x[:, None] - x[None], axis=-1)[np.triu_indices(16, 1)] for x in (short, whole))
    off = a[b > 0] / b[b > 0] - 1
    assert abs(off.mean()) < 0.1 and off.std() < 2 / math.sqrt(2 * 64)
    medoid = [np.linalg.norm(x[:, None] - x[None], axis=-1).mean(1).argsort() for x in (short, whole)]
    assert medoid[0][0] in medoid[1][:3]


def test_equal_videos_have_equal_features_and_order_matters():
    reward = rewards.load({"name": "vjepa2_features", "dims": 8})
    view = np.random.default_rng(0).integers(0, 255, (17, 32, 32, 3), dtype=np.uint8)
    first = reward.score(view).details
    assert reward.score(view.copy()).details == first
    assert reward.score(view[::-1].copy()).details != first and len(first) == 8
