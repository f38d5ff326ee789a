"""Job files: read, merged and checked against raysearch/config/settings.py, where an unknown key is an error.

A job says what to run, a cluster file where. `load` merges defaults, the job file, the cluster file and `key=value`
overrides, in that order, checks everything that can be checked without loading a model, and returns a typed Job.
Invariant: no setting holds a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from raysearch.config import checks
from raysearch.config.settings import ClusterConfig, Job
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.security import refuse_secrets

NAMED = ("search", "reward")  # parts of a job with a `name`, which alone may stand for them


def load(job_file: str, words: Sequence[str] = (), cluster_file: str | None = None, elsewhere: bool = False) -> Job:
    """The typed, checked job. elsewhere: it will run on another machine, whose folders and packages differ.

    Raises UsageError that names the key, the value and the remedy.
    """
    config = OmegaConf.structured(Job)
    *files, line = parts(job_file, words, cluster_file)
    for source, part in files:
        config = _merged(config, part, source)
    for key in {word.partition("=")[0] for word in words} & {*NAMED}:
        config[key] = {}  # given whole, it takes the place of the job's
    return _finished(_merged(config, line[1], line[0]), elsewhere)


def parts(job_file: str, words: Sequence[str] = (), cluster_file: str | None = None) -> list[tuple[str, DictConfig]]:
    """What a job is merged from, each with its source, later ones winning. Raises UsageError for a secret in one."""
    found = [(job_file, _read(job_file))]
    if cluster_file:
        found.append((cluster_file, OmegaConf.create({"cluster": _cluster(cluster_file)})))
    found.append(("the command line", OmegaConf.create(overrides(words))))
    for source, part in found:
        _spell_out(part)
        refuse_secrets(OmegaConf.to_container(part, resolve=False), source)
    return found


def load_cluster(cluster_file: str) -> ClusterConfig:
    """A cluster file alone, typed; checked as far as it can be without a job."""
    part = OmegaConf.create({"cluster": _cluster(cluster_file)})
    refuse_secrets(OmegaConf.to_container(part, resolve=False), cluster_file)
    return OmegaConf.to_object(_merged(OmegaConf.structured(Job), part, cluster_file)).cluster  # type: ignore[union-attr]


def plain(job: Job) -> dict[str, Any]:
    """The job as nested plain values, a copy."""
    return OmegaConf.to_container(OmegaConf.structured(job))  # type: ignore[return-value]


def typed(values: dict[str, Any], source: str, elsewhere: bool = False) -> Job:
    """The typed, checked job of nested plain values; errors begin with `source`."""
    refuse_secrets(values, source)
    part = _spell_out(OmegaConf.create(values))
    return _finished(_merged(OmegaConf.structured(Job), part, source), elsewhere)


def _spell_out(part: DictConfig) -> DictConfig:
    """`search: smc` means `search: {name: smc}`; changes the part."""
    for key in NAMED:
        if isinstance(part.get(key), str):
            part[key] = {"name": part[key]}
    return part


def _merged(config: Any, part: DictConfig, source: str) -> Any:
    _known_keys(part, Job, source)
    try:
        return OmegaConf.merge(config, part)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise UsageError(f"{source}: {key}: {_plainly(str(error).splitlines()[0], key)}") from None


def _plainly(told: str, key: str) -> str:
    """OmegaConf's words where they are those of its own classes, as a user's."""
    if "is not a ListConfig" in told:
        return f"give a list, e.g. {key}=[one,two]"
    if ("field of type" in told and "'None'" in told) or "is not Optional" in told:
        return "a value is missing"
    return told


def _finished(config: Any, elsewhere: bool = False) -> Job:
    job: Job = OmegaConf.to_object(config)  # type: ignore[assignment]
    tiny_defaults(job)
    if job.cluster.storage is not None:
        if checks.is_relative(job.cluster.storage):
            raise UsageError(
                f"cluster.storage={job.cluster.storage!r}: give what all nodes see, e.g. s3://my-bucket/raysearch or "
                "/shared/raysearch"
            )
        if checks.is_relative(job.run):
            job.run = f"{job.cluster.storage.rstrip('/')}/{job.run}"
    checks.check(job, elsewhere)
    return job


def to_yaml(job: Job) -> str:
    return OmegaConf.to_yaml(OmegaConf.structured(job))


def tiny_defaults(job: Job) -> None:
    """Fill what a job with the tiny generator leaves open."""
    if job.generator.name == "diffusers" and job.generator.model == "tiny":
        from raysearch.tinyworld import GENERATOR_CALL, GENERATOR_DEFAULTS

        job.generator.call = {**GENERATOR_CALL, **job.generator.call}
        for key, value in GENERATOR_DEFAULTS.items():
            if getattr(job.generator, key) is None:
                setattr(job.generator, key, value)


def _cluster(path: str) -> DictConfig:
    """A cluster file. Other kinds of file stand in clusters/ too, and are easily taken for it."""
    found = _read(path)
    for key, what in (("available_node_types", "a launch file for `ray up`"), ("apiVersion", "a Kubernetes manifest"),
                      ("provider", "a launch file for `ray up`")):  # fmt: skip
        if key in found:
            raise UsageError(f"{path}: this is {what}; --cluster wants a cluster file, the run.yaml beside it")
    return found


def _read(path: str) -> DictConfig:
    import yaml

    if not Path(path).is_file():
        raise UsageError(f"{path}: {'a folder; give a YAML file' if Path(path).is_dir() else 'no such file'}")
    try:
        found = yaml.load(Path(path).read_text(), _once())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")[:160]
        raise UsageError(f"{path}: not a YAML file ({told})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: a job file holds `key: value` lines, this one holds {_kind(found)}")
    return OmegaConf.create(found)


def _kind(value: Any) -> str:
    return {"NoneType": "nothing", "list": "a list"}.get(type(value).__name__, "plain text")


def _once() -> type:
    """A loader of plain YAML that refuses a key given twice: else the last would win, unseen."""
    import yaml

    class Once(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"):
                if key.value in seen:
                    told = f"key {key.value!r} is given twice"
                    raise yaml.constructor.ConstructorError(None, None, told, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Once


def _named(word: str) -> str:
    """`search=smc` as `search={name: smc}`, so that `search.n=4` can stand beside it."""
    key, _, value = word.partition("=")
    whole = key in NAMED and value.strip() and not value.lstrip().startswith("{")
    return f"{key}={{name: {value}}}" if whole else word


def overrides(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as nested plain values. Raises UsageError for a word of another form."""
    for word in words:
        if "=" not in word or word.startswith("="):
            raise UsageError(f"{word!r}: an override has the form key=value, e.g. search.n=32")
    try:
        return OmegaConf.to_container(OmegaConf.from_dotlist([_named(word) for word in words]))  # type: ignore[return-value]
    except (OmegaConfBaseException, ValueError) as error:
        raise UsageError(f"{' '.join(words)}: {str(error).splitlines()[0]}") from None


def _known_keys(part: Any, schema: Any, source: str, prefix: str = "") -> None:
    """Raise UsageError for a key the schema does not have, suggesting the nearest."""
    known = {f.name: f for f in fields(schema)}
    for key in part:
        try:
            lookup(f"{source}: key", f"{prefix}{key}", {f"{prefix}{k}": k for k in known})
        except ConfigKeyError as error:  # pragma: no cover
            raise UsageError(str(error)) from None
        default = known[key]
        inner = default.default_factory() if callable(default.default_factory) else None
        value = part[key]
        if is_dataclass(inner):
            if not isinstance(value, DictConfig):
                raise UsageError(f"{source}: {prefix}{key}={value!r}: expected a mapping of keys")
            _known_keys(value, type(inner), source, f"{prefix}{key}.")
