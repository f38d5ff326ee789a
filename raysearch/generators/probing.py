"""What a pipeline class that no family declares can do, read from its own code before anything is loaded.

Its call says what it needs and takes, its source whether it is one schedule of single predictions of one tensor. What
is not so is refused with the reason; what is left is driven, and its first step is held against the scheduler's own
(trial.py). So no class is taken for one of text alone because nobody knows it. Imports diffusers.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

from raysearch.generators.blocks import is_modular
from raysearch.generators.declare import PipelineClass, image

WHY = "in no table: what it takes is read from its code, and its first step is checked"
FROM_PROMPTS = {"prompt": "text", "image": "image"}  # arguments of a call that a prompt gives
CONTROLS = ("control", "conditioning_frames")  # how the names of arguments begin that steer a video frame by frame
LOOPS = (ast.For, ast.While)
SEVERAL = ("audio", "sound", "action")  # in the names of arguments: what is made beside the video


def diffusers_class(name: str) -> type | None:
    """The pipeline class of diffusers of this name; None where it has none."""
    import diffusers

    cls = getattr(diffusers, name, None)
    return cls if isinstance(cls, type) else None


@cache
def derived(cls: type) -> PipelineClass:
    """The declaration of a class as its code tells it; `refused` says why it cannot be driven, if so."""
    parameters = inspect.signature(cls.__call__).parameters
    refused = refusal(cls)
    takes = () if refused else tuple(kind for name, kind in FROM_PROMPTS.items() if name in parameters)
    with_image = "image" in takes
    return PipelineClass(
        cls.__name__,
        cls.__name__,
        takes,
        needs_frames=with_image and ("image" in required(cls) or "prompt" not in parameters),
        condition=image if with_image else None,
        batch="",
        tested=False,
        why=WHY,
        refused=refused,
        probed=True,
    )


def required(cls: type) -> list[str]:
    """The arguments without which the class cannot be called."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [
        name
        for name, p in list(inspect.signature(cls.__call__).parameters.items())[1:]
        if p.default is p.empty and p.kind not in kinds
    ]


@cache
def refusal(cls: type) -> str:
    """Why the class cannot be driven one step at a time; empty where nothing in its code speaks against it."""
    parameters = inspect.signature(cls.__call__).parameters
    if is_modular(cls):
        return "it is a modular pipeline, whose tensors its family has to declare"
    if not hasattr(cls, "prepare_latents"):
        return "it has no prepare_latents, where a particle would enter"
    if others := [name for name in required(cls) if name not in FROM_PROMPTS]:
        return f"its call needs {', '.join(others)}, which no prompt gives"
    if not FROM_PROMPTS.keys() & parameters.keys():
        return "its call takes neither text nor an image"
    if several := [name for name in parameters if any(word in name for word in SEVERAL)]:
        return f"its state is more than a video ({several[0]}), which its family has to declare"
    if controls := [name for name in parameters if name.startswith(CONTROLS)]:
        return f"it follows {controls[0]}, which no prompt gives"
    if "strength" in parameters and parameters["strength"].default != 1:
        return "it starts from a noised video, which its family has to declare"
    try:
        return _of_source(ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(cls.__call__)))))
    except OSError:
        return "its code cannot be read"


def _of_source(call: ast.AST) -> str:
    """What in the source of a call speaks against one step at a time."""
    steps = [node for node in _calls(call, "step") if "scheduler" in ast.unparse(node.func)]
    if not any(keyword.arg == "frames" for node in ast.walk(call) if isinstance(node, ast.Call)
               for keyword in node.keywords):  # fmt: skip
        return "its call returns no frames"
    if not steps:
        return "its call takes no step of its scheduler"
    if len(steps) > 1:
        return "its call takes more than one step of a scheduler at a time"
    if any(keyword.arg == "pred_original_sample" for keyword in steps[0].keywords):
        return "it gives its scheduler a prediction of its own"
    loops = [node for node in ast.walk(call) if isinstance(node, LOOPS)]
    if any(_calls(loop, name) for loop in loops for name in ("prepare_latents", "set_timesteps")):
        return "one call makes several chunks, each with a schedule of its own"
    if any(_is_next(node) for loop in loops for node in ast.walk(loop)):
        return "its network is told the time of the next step too"
    return ""


def _calls(tree: ast.AST, method: str) -> list[ast.Call]:
    """The calls of a method of this name, or of diffusers' function that calls it."""
    names = (method, "retrieve_timesteps") if method == "set_timesteps" else (method,)

    def called(node: ast.Call) -> str:
        return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")

    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in names]


def _is_next(node: ast.AST) -> bool:
    """Whether it reads the entry after the present one of a table of times or noise levels."""
    tables: Iterator[Any] = iter(("timesteps", "sigmas"))
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.BinOp)
        and isinstance(node.slice.op, ast.Add)
        and any(ast.unparse(node.value).endswith(table) for table in tables)
    )
