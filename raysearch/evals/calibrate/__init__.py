"""Does a verifier rank a generator's clips? Rank correlations, corruptions, previews and fusion, with intervals."""
