"""Human preference: which of two videos is better, asked blind in a browser, answered in JSONL, with statistics."""
