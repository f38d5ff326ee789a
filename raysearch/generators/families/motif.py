"""Motif-Video: text to video and image to video. Its guidance sits in a guider."""

from raysearch.generators.declare import TEXT, TEXT_IMAGE, Call, Pipeline, PipelineClass, image


def condition_once(pipeline: Pipeline, call: Call) -> None:
    """Encode the image once."""
    from raysearch.generators import hooks

    hooks.compute_once_per_shape(pipeline, "_prepare_first_frame_conditioning")


PIPELINES = (
    PipelineClass(
        "MotifVideoPipeline", "Motif-Video", TEXT, tokens=512, multiple=8, notes="guidance_scale goes to its guider"
    ),
    PipelineClass(
        "MotifVideoImage2VideoPipeline",
        "Motif-Video image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        adapt=condition_once,
        tokens=512,
        multiple=8,
        batch="",
        notes="guidance_scale goes to its guider",
    ),
)
