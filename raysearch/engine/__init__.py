"""The coordinator, which is the only loop, with its tasks, journal and replay."""
