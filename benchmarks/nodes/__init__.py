"""Runs on nodes that share nothing, in namespaces of this machine; `python -m benchmarks.nodes` prints the table."""
