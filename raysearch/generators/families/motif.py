"""Motif-Video: text to video."""

from raysearch.generators.declare import TEXT, PipelineClass

PIPELINES = (PipelineClass("MotifVideoPipeline", "Motif-Video", TEXT, tokens=512, multiple=8),)
