"""What can be known to be wrong with a generator and its prompts before a model is loaded, from its model_index.json.

Of a model on the hub only that file and the configurations of two parts are fetched. Loads neither torch nor diffusers.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import (
    cheaper,
    classes,
    custom,
    draws,
    families,
    inputs,
    memory,
    model_files,
    parts,
    published,
    sizes,
    solver,
)
from raysearch.generators.declare import too_long
from raysearch.generators.layout import OVERLAP, ends, layout
from raysearch.generators.sizes import Length
from raysearch.prompts import Prompt

LEAST = 4  # steps with which a model is examined, so that there is a middle with noise before and after it
COMMIT = re.compile("[0-9a-f]{40}")


def check(config: GeneratorConfig, prompts: Iterable[Prompt], ranks: int = 1) -> None:
    """Check a generator and its prompts as far as is possible without loading the model.

    Args:
        config: the generator's settings.
        prompts: their conditioning files are read.
        ranks: over how many processes a replica is split.

    Raises:
        UsageError: for a prompt that the pipeline class cannot do, a setting that the class or its autoencoder does
            not have, and a Python package that is missing. Of a class that the model brings nothing is checked here.
    """
    prompts = list(prompts)
    draws.check(config, prompts)
    if config.name != "diffusers":
        cheaper.refuse(config)
        custom.check(config, prompts)
        return
    pipeline, call, index = model_files.pipeline_class(config), config.pipeline_call(), model_files.model_index(config)
    pretrained.check_pipeline_files(str(model_files.folder(config)), "generator.model")
    if isinstance(index.get("_class_name"), list):
        return  # what a class that the model brings can do is known when it is loaded
    memory.check(config, model_files.autoencoder(index))
    parts.check_ranks(index, ranks)
    classes.check_call(config, pipeline, call)
    parts.check(config, index, model_files.scheduler(config) if config.scheduler else {})
    vae, network = model_files.configs(config)
    inputs.check_network(pipeline, network)
    cheaper.check(config, index, pipeline, lambda part: model_files.config_of(config, part))
    if known := sizes.sizes(pipeline, model_files.autoencoder(index), vae, network):
        sizes.check(known, call)
    inputs.check_call(pipeline, config.chunks, call)
    inputs.check_parts(pipeline, index)
    if config.chunks > 1 and call.get("num_frames"):
        layout(call["num_frames"], config.chunks, call.get("overlap_history") or OVERLAP, call.get("base_num_frames"))
    for prompt in prompts:
        given = inputs.frame_count(prompt, config.fps, call.get("num_frames"))
        cls = inputs.with_same_weights(pipeline, given, index)
        inputs.check(families.of(cls), given, prompt.id)
        inputs.check_packages(cls, inputs.encodes_text(cls, call))
        if prompt.variants and not inputs.encodes_text(cls, call):
            raise UsageError(
                f"prompt {prompt.id!r} has variants, but {cls} is given no text here, so they would all make the same "
                "videos; leave them out"
            )
        if given > 1 and given >= (call.get("num_frames") or given + 1) and not families.of(cls).redraws:
            raise too_long(prompt.id, given, call["num_frames"])


def length(config: GeneratorConfig, usual: bool = False) -> Length | None:
    """How many frames the model will make; None where that is not known without loading it.

    The hub is not asked: a model is known by its folder, by what has been fetched before, or by what is published.

    Args:
        config: the generator's settings.
        usual: whether to look up what the pipeline makes where the job does not say, for which diffusers is imported.

    Raises:
        UsageError: for a height or width that the model cannot make.
    """
    if config.name != "diffusers":
        return None
    if model_files.is_here(config):
        pipeline, autoencoder = (
            model_files.pipeline_class(config),
            model_files.autoencoder(model_files.model_index(config)),
        )
        vae, network = model_files.configs(config)
    elif (listed := published.known(config.model)) is not None:
        pipeline, autoencoder, vae, network = listed.pipeline, listed.vae, dict(listed.vae_config), dict(listed.config)
    else:
        return None
    known = sizes.sizes(pipeline, autoencoder, vae, network)
    call = config.pipeline_call()
    if known is not None:
        sizes.check(known, call)
    asked = call.get("num_frames")
    if asked is None and usual and known is not None:
        asked = sizes.usual_frames(pipeline, network)
    return Length.of(known, asked) if known is not None and isinstance(asked, int) else None


def stock_kernel(config: GeneratorConfig) -> str:
    """The kernel that is the model's own sampler (solver.py); `ode` where it is not known, and for chunks."""
    if config.name != "diffusers" or config.chunks > 1:  # chunks pause and go on, which no history survives
        return "ode"
    name = parts.class_name(model_files.model_index(config), "scheduler")
    known = model_files.scheduler(config)
    return solver.kernel(families.SCHEDULERS.get(name, name), {**known, **config.scheduler})


def used(config: GeneratorConfig, given: int) -> int:
    """How many of so many conditioning frames the model takes, which are the last ones; all where it is not known.

    So many frames at the start of its videos are given, not made.
    """
    if config.name != "diffusers" or given < 2 or not model_files.is_here(config):
        return given
    index = model_files.model_index(config)
    rule = families.of(inputs.with_same_weights(model_files.pipeline_class(config), given, index)).uses
    return (
        given
        if rule is None
        else rule(given, families.per_latent(model_files.autoencoder(index), model_files.config_of(config, "vae")))
    )


def pin(config: GeneratorConfig) -> GeneratorConfig:
    """The settings with what the model makes of them: its own argument of the rate, and the commit of its revision.

    A revision is the commit that it stands for now, because a branch moves. Folders and shipped models have none, and
    custom generators are returned as they are. Where the commit is not known, a warning says so.
    """
    if config.name != "diffusers":
        return config
    config = cheaper.pin(parts.with_rate(config, model_files.pipeline_class(config)))
    if config.model in families.MODELS or Path(config.model).expanduser().is_dir():
        return config
    commit = model_files.index_file(config).parent.name  # .../snapshots/COMMIT/model_index.json
    if COMMIT.fullmatch(commit):
        return replace(config, revision=commit)
    warnings.warn(
        f"generator.model={config.model!r}: the commit of revision {config.revision or 'main'} is not known, so the "
        "run is not pinned to it",
        stacklevel=2,
    )
    return config


def chunk_ends(config: GeneratorConfig) -> list[float]:
    """Where the chunks of a video but the last are finished, as fractions of the steps; empty for one made whole."""
    own = custom.ends(config) if config.name != "diffusers" else None
    return ends(config.chunks) if own is None else own


def chunk_lengths(config: GeneratorConfig) -> list[int]:
    """Frames of each chunk that is made, in order; empty where that is not known."""
    if config.name != "diffusers":
        return custom.lengths(config)
    call = config.pipeline_call()
    known = None if call.get("num_frames") else length(config, usual=True)
    total = known.made if known else call.get("num_frames")
    if config.chunks < 2 or not total:
        return []
    chunks = layout(total, config.chunks, call.get("overlap_history") or OVERLAP, call.get("base_num_frames"))
    return [4 * (chunk.end - chunk.new) - 3 * (chunk.new == 0) for chunk in chunks]  # the first latent is one frame
