"""The signals of the geometry of a path, and how a job names and weights them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raysearch.errors import UsageError
from raysearch.names import lookup

Signals = str | Sequence[str] | Mapping[str, float]
SIGNALS = {  # of a path z_t with velocity v_t and acceleration a_t; larger is less plausible
    "speed_cv": "deviation of |v| over its mean",
    "accel_rel": "mean |a|^2 over mean |v|^2",
    "curvature": "mean angle between v_t and v_(t+1), radians",
    "angle": "deviation of these angles, radians",
    "jump": "largest |v| over the median",
    "spread": "length of the path over the root mean square distance from its middle",
    "speed": "deviation of |v|, not relative to the motion",
    "accel": "mean |a|^2, not relative to the motion",
}
LEAST = 4  # frames


def weights_of(signals: Signals, key: str = "geometry") -> dict[str, float]:
    """Weights by signal. Raises UsageError for none, and for an unknown name."""
    named = [signals] if isinstance(signals, str) else signals
    weights = dict(named) if isinstance(named, Mapping) else dict.fromkeys(named, 1.0)
    for name in weights:
        lookup(f"{key}.signals: signal", str(name), SIGNALS)
    if not any(weights.values()):
        raise UsageError(f"{key}.signals: no signal counts; name one of {', '.join(SIGNALS)}")
    return weights
