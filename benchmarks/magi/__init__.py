"""What the tiny MAGI-1 can do, and what choosing chunk by chunk gains on it: `python -m benchmarks.magi`."""
