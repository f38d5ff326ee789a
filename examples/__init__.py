"""Parts that documentation, tests and benchmarks share. Tests and benchmarks import from here, not from each other.

`clockwork` is a complete custom generator, `exact` holds models whose answers are known exactly, `candidates` draws
videos of the shipped pair for measuring, `tiny_parts` and `tiny_wan` build small pipelines of random weights, `media`
writes videos and images, `live_bytes` counts the memory of tensors, and `object_store` is a real S3 server.
"""
