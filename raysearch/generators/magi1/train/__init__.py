"""Training of the tiny MAGI-1 that ships with raysearch: `python -m raysearch.generators.magi1.train`."""
