"""Helios, which cannot be driven one step at a time."""

CHUNKS = "one call makes several chunks, each with a schedule of its own"
REFUSED = {"HeliosPipeline": CHUNKS, "HeliosPyramidPipeline": CHUNKS}
