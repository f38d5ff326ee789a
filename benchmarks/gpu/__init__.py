"""What is true on a GPU, each part in a process of its own; see `python -m benchmarks.gpu --help`."""
