"""Job files: read, typed after raysearch/config/settings.py, merged and checked.

A job says what to run, a cluster file where. `load` merges defaults, the job file, the cluster file and `key=value`
words, in that order; an unknown key is an error. What a person wrote is what is used: no part of it is expanded, so
that `$`, `${...}` and `???` are characters like others, and nothing reaches the environment. Invariant: no setting
holds a secret, before or after merging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from raysearch import tinyworld
from raysearch.config import by_card, checks, reader, schema
from raysearch.config.dump import dump
from raysearch.config.settings import ClusterConfig, Job
from raysearch.errors import UsageError
from raysearch.security import refuse_secrets

NAMED = ("search", "reward")  # parts of a job with a `name`, which alone may stand for them
LINE = "the command line"
NO_CLUSTER = {
    "available_node_types": "a launch file for `ray up`",
    "apiVersion": "a Kubernetes manifest",
    "provider": "a launch file for `ray up`",
    "prompts": "a job file",
    "generator": "a job file",
}


def load(job_file: str, words: Sequence[str] = (), cluster_file: str | None = None, elsewhere: bool = False) -> Job:
    """The typed, checked job.

    Args:
        job_file: what to run, YAML.
        words: `key=value` settings, which win.
        cluster_file: where to run, YAML.
        elsewhere: it will run on another machine, whose folders and packages differ.

    Raises:
        UsageError: naming the key, the value and the remedy.
    """
    return _finished(merged(job_file, words, cluster_file), elsewhere)


def merged(job_file: str, words: Sequence[str] = (), cluster_file: str | None = None) -> dict[str, Any]:
    """The job as nested plain values, before anything is filled in from a model's card or from other settings.

    Raises:
        UsageError: as `parts`.
    """
    values = _defaults()
    for source, part in parts(job_file, words, cluster_file):
        if source == LINE:
            whole = {word.partition("=")[0] for word in words} & {*NAMED}  # these take the place of the job's
            values |= {key: {} for key in whole}
        values = schema.merge(values, part)
    return values


def parts(
    job_file: str, words: Sequence[str] = (), cluster_file: str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """What a job is merged from, typed, each with its source, later ones winning.

    Raises:
        UsageError: for unknown keys, values that cannot be meant, and secrets.
    """
    sources: list[tuple[str, Mapping[str, Any]]] = [(job_file, reader.read(job_file))]
    if cluster_file:
        sources.append((cluster_file, {"cluster": _cluster(cluster_file)}))
    sources.append((LINE, written(words)))
    return [(source, _typed(values, source)) for source, values in sources]


def load_cluster(cluster_file: str) -> ClusterConfig:
    """A cluster file alone, typed; checked as far as it can be without a job."""
    part = _typed({"cluster": _cluster(cluster_file)}, cluster_file)
    return schema.build(ClusterConfig, schema.merge(asdict(ClusterConfig()), part["cluster"]))


def typed(values: Mapping[str, Any], source: str, elsewhere: bool = False) -> Job:
    """The typed, checked job of nested plain values; errors begin with `source`."""
    return _finished(schema.merge(_defaults(), _typed(values, source)), elsewhere)


def plain(job: Job) -> dict[str, Any]:
    """The job as nested plain values, a copy."""
    return asdict(job)


def to_yaml(job: Job) -> str:
    """The job as YAML that `load` reads as the same job."""
    return dump(plain(job))


def overrides(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as nested plain values, numbers as numbers. Raises UsageError for a word of another form."""
    values: dict[str, Any] = schema.plain(_spelled_out(written(words)), LINE)
    return values


def written(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as nested mappings, with values as they stand; dots part the keys, and later words win.

    Raises:
        UsageError: for a word of another form.
    """
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if word.startswith("-"):
            raise UsageError(f"{word!r}: settings have no dashes; write {word.lstrip('-')}")
        if not equals or not all(key.split(".")):
            raise UsageError(f"{word!r}: an override has the form key=value, e.g. search.n=32")
        *path, last = key.split(".")
        if len(path) > reader.DEEPEST:
            raise UsageError(f"{word[:40]!r}...: nested more than {reader.DEEPEST} levels deep")
        value = reader.word(text, key)
        if key in NAMED and isinstance(value, str) and value:
            value = {"name": value}  # `search=smc` as `search={name: smc}`, so that `search.n=4` can stand beside it
        part: Any = {last: value}
        for name in reversed(path):
            part = {name: part}
        values = schema.merge(values, part)
    return values


def tiny_defaults(job: Job) -> None:
    """Fill what a job with a shipped generator leaves open, and the single step of an `api`."""
    generator = job.generator
    if generator.name == "api" and generator.steps is None:
        generator.steps = 1
    if generator.name == "diffusers":
        generator.name = tinyworld.RUN_BY.get(generator.model, "diffusers")
    if tinyworld.RUN_BY.get(generator.model) != generator.name:
        return
    generator.call = {**tinyworld.CALLS[generator.model], **generator.call}
    for key, value in tinyworld.GENERATORS[generator.model].items():
        if getattr(generator, key) is None:
            setattr(generator, key, value)
    if generator.model == tinyworld.CHUNKED and generator.steps is None:
        window = generator.call["window"]
        if window in (1, 2, 4):  # anything else is refused later
            generator.steps = tinyworld.CHUNKED_EACH // window * (generator.chunks + window - 1)


def _defaults() -> dict[str, Any]:
    return plain(Job())


def _typed(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    refuse_secrets(values, source)
    return schema.partial(_spelled_out(values), Job, source)


def _spelled_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """`search: smc` means `search: {name: smc}`."""
    return {k: {"name": v} if k in NAMED and isinstance(v, str) and v else v for k, v in values.items()}


def _finished(values: Mapping[str, Any], elsewhere: bool) -> Job:
    job = schema.build(Job, values)
    tiny_defaults(job)
    by_card.fill(job.generator)
    job.watch = [{"name": spec} if isinstance(spec, str) else spec for spec in job.watch]
    if job.cluster.storage is not None:
        if checks.is_relative(job.cluster.storage):
            raise UsageError(
                f"cluster.storage={job.cluster.storage!r}: give what all nodes see, e.g. s3://my-bucket/raysearch or "
                "/shared/raysearch"
            )
        if checks.is_relative(job.run):
            job.run = f"{job.cluster.storage.rstrip('/')}/{job.run}"
    if not elsewhere:
        job.run = checks.expanded("run", job.run)
    refuse_secrets(plain(job), "the merged job")
    checks.check(job, elsewhere)
    return job


def _cluster(path: str) -> dict[str, Any]:
    """A cluster file. Other kinds of file stand beside it, and are easily taken for it."""
    values = reader.read(path)
    for key, what in NO_CLUSTER.items():
        if key in values:
            raise UsageError(f"{path}: this is {what}; --cluster wants a cluster file, the run.yaml beside it")
    return values
