"""Job and cluster files: read, merged, typed, checked and explained."""

from raysearch.config.load import (
    load,
    load_cluster,
    overrides,
    parts,
    plain,
    tiny_defaults,
    to_yaml,
    typed,
)

__all__ = ["load", "load_cluster", "overrides", "parts", "plain", "tiny_defaults", "to_yaml", "typed"]
