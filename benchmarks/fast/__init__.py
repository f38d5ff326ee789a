"""What cheaper candidates gain on trained models; see `python -m benchmarks.fast --help`."""
