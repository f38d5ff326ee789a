"""Plain values as YAML that reader.py reads as the same values; texts that look like something else are quoted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from raysearch.config.reader import Written


def dump(values: Mapping[str, Any], width: int = 80) -> str:
    """YAML in block style, keys in their order. width: where long texts are folded."""
    import yaml

    text: str = yaml.dump(
        values, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, sort_keys=False, width=width
    )
    return text


SHORT = ("y", "Y", "n", "N")  # truth values to some readers of YAML 1.1


@lru_cache(maxsize=1)
def _dumper() -> Any:
    """PyYAML's dumper quotes what YAML 1.1 would take for something else; this one what YAML 1.2 would as well."""
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, data: str) -> Any:
        looks = data in SHORT or not isinstance(Written(data).value, str)
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="'" if looks else None)

    Dumper.add_representer(str, text)
    Dumper.add_representer(Written, text)
    Dumper.add_multi_representer(tuple, lambda dumper, data: dumper.represent_list(list(data)))
    return Dumper
