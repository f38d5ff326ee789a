"""Sweeps: a grid of searches over particles, strategies and other settings, with its table and its page."""

from raysearch.sweep.execute import axes, points, run

__all__ = ["axes", "points", "run"]
