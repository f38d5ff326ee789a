"""The executor on Ray: two pools of actors. Nothing else in raysearch.executors imports Ray."""
