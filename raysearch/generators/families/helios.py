"""Helios, which cannot be driven one step at a time."""

REFUSED = {"HeliosPipeline": "one call makes several chunks, each with a schedule of its own"}
