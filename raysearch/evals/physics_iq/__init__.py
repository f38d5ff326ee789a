"""Physics-IQ, original and Verified: data set, exporter, scorer, protocol, submission card.

The measures restate the official ones (github.com/google-deepmind/physics-IQ-benchmark, Motamed et al. 2025; Verified:
arXiv 2606.18943) with numpy and PyAV alone, equal to their tables; what never changes between models is computed once.
"""
