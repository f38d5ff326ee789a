"""Sweeps: a grid of searches over particles, strategies and other settings, with its table and its page."""

from raysearch.sweep.execute import run
from raysearch.sweep.grid import axes, points

__all__ = ["axes", "points", "run"]
