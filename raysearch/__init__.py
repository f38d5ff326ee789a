"""raysearch: test-time search that makes video diffusion models obey physics, on Ray.

Importing this package loads nothing heavy: neither torch nor ray.
"""

__version__ = "0.1.0"
