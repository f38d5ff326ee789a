"""Training of the tiny pair: `python -m raysearch.tinyworld.train {codec,generator,worldmodel}`."""
