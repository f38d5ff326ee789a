"""Videos and images in and out: uint8 arrays [frames, height, width, rgb] and H.264 in mp4. Knows nothing of models."""

from raysearch.videos.reading import Clip, decode, read, read_image
from raysearch.videos.writing import encode, facts

__all__ = ["Clip", "decode", "encode", "facts", "read", "read_image"]
