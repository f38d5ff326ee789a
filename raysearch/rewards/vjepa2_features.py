"""What V-JEPA 2 sees in a video, in a few numbers, for a final choice that compares candidates by consensus."""

from __future__ import annotations

from raysearch.options import Count
from raysearch.rewards.base import Declaration, Reward
from raysearch.rewards.networks.checkpoints import Dtype


@Declaration(watched_only=True, shipped="worldmodel")
def vjepa2_features(
    *,
    model: str = "tiny",
    revision: str | None = None,
    dtype: Dtype = "float32",
    frames: Count = 16,
    grid: Count = 4,
    dims: Count = 64,
    device: str = "cpu",
) -> Reward:
    """Coordinates of a video in a random projection of V-JEPA 2's features, as details _0, _1, ...; the value is NaN.

    It is watched, and used by choose: {how: consensus}.

    Args:
        model: a hub id or folder of a VJEPA2Model, whose predictor is dropped; `tiny` ships with raysearch.
        revision: a branch or a commit of a hub id.
        dtype: the type of the weights and of the computation.
        frames: the number of frames that the encoder sees, evenly over the video.
        grid: tokens are averaged to grid x grid places.
        dims: how many numbers are kept.

    Paper: Achlioptas 2003, doi 10.1016/S0022-0000(03)00025-4 (random projections)
    """
    from raysearch.rewards.vjepa2.features import Features

    return Features.load(model, device, dtype, revision, frames=frames, grid=grid, dims=dims)
