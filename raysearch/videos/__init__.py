"""Videos and images in and out: uint8 arrays [frames, height, width, rgb] and H.264 in mp4. Knows nothing of models."""

from raysearch.videos.fitting import Fit, fit, same_shape
from raysearch.videos.process import Source
from raysearch.videos.reading import About, Clip, decode, read, read_image, scan, tell
from raysearch.videos.writing import encode, exact, facts

__all__ = [
    "About", "Clip", "Fit", "Source", "decode", "encode", "exact", "facts", "fit", "read", "read_image", "same_shape",
    "scan", "tell",
]  # fmt: skip
