"""Job and cluster files: read, merged, typed, checked and explained."""

from raysearch.config.load import (
    load,
    load_cluster,
    merged,
    overrides,
    parts,
    plain,
    tiny_defaults,
    to_yaml,
    typed,
)
from raysearch.config.prompting import PromptsConfig
from raysearch.config.settings import ClusterConfig, GeneratorConfig, Job, PoolConfig

__all__ = [
    "ClusterConfig", "GeneratorConfig", "Job", "PoolConfig", "PromptsConfig", "load", "load_cluster", "merged",
    "overrides", "parts", "plain", "tiny_defaults", "to_yaml", "typed",
]  # fmt: skip
