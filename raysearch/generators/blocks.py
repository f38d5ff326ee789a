"""The arguments of a pipeline's call, and what a family declares of a pipeline that diffusers has in blocks only.

A modular pipeline has no call of its own: its arguments are what its blocks take that none of them makes. `BlockRoles`
says which blocks, and where the particle lies between them; modular.py drives them. Loads neither torch nor, for a
class that is not modular, diffusers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class BlockRoles:
    """The blocks of a modular pipeline, as driving them step by step needs to know them.

    Attributes:
        workflows: the workflow of the blocks for a prompt that gives text alone, or an `image`, by what it gives.
        tensors: the tensors of which a particle consists, by their names in the state: rows [N, C] in both.
        given: for each tensor, the name of the number of its first rows that are conditions and no part of a particle.
        predictions: for each tensor, the name of the network's velocity [1, N, C], which points to the data.
        schedulers: for each tensor, the name of its scheduler.
        end: whether the number of steps asked for counts the end, so that n of them are n - 1 evaluations.
    """

    workflows: Mapping[str, str]
    tensors: tuple[str, ...]
    given: tuple[str, ...]
    predictions: tuple[str, ...]
    schedulers: tuple[str, ...]
    end: bool = False


def is_modular(cls: type) -> bool:
    """Whether a class is a modular pipeline of diffusers."""
    return getattr(cls, "default_blocks_name", None) is not None


@cache
def parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """The arguments of the call of a pipeline class; of a modular one, what its blocks take and what they pass on."""
    if not is_modular(cls):
        return inspect.signature(cls.__call__).parameters
    import diffusers

    blocks = getattr(diffusers, cls.default_blocks_name)()  # type: ignore[attr-defined]  # by is_modular
    known = {output.name: None for output in blocks.intermediate_outputs}
    known |= {given.name: given.default for given in blocks.inputs if given.name}
    for workflow in blocks.available_workflows:  # each has defaults, of which the whole forgets those that differ
        for given in blocks.get_workflow(workflow).inputs:
            if given.name and known.get(given.name) is None:
                known[given.name] = given.default
    return {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual) for name, usual in known.items()
    }
