"""Job files: what they may say, with defaults that work. OmegaConf dataclasses; an unknown key is an error.

A job says what to run, a cluster file where. `load` merges defaults, the job file, the cluster file and `key=value`
overrides, in that order, checks everything that can be checked without loading a model, and returns a typed Job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from raysearch.errors import UsageError
from raysearch.names import lookup


@dataclass
class PromptsConfig:
    """What to generate: `items`, each {text, image, video, scene, id}; `heldout`: so many scenes of the tiny world."""

    items: list[Any] = field(default_factory=list)
    heldout: int = 0
    scenes: list[str] = field(default_factory=lambda: ["one_ball", "two_balls"])
    first: int = 0  # number of the first held-out scene


@dataclass
class GeneratorConfig:
    """model: `tiny`, a folder or a hub id. None leaves a setting to the pipeline (for `tiny`: to what suits it).

    shift: take times evenly in sigma and shift them (s -> shift*s / (1 + (shift - 1) s)) instead of the pipeline's own
    table. call: any further argument of the pipeline call.
    """

    name: str = "diffusers"
    model: str = "tiny"
    revision: str | None = None
    dtype: str = "float32"
    steps: int | None = None
    shift: float | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    height: int | None = None
    width: int | None = None
    num_frames: int | None = None
    fps: float | None = None
    call: dict[str, Any] = field(default_factory=dict)

    def pipeline_call(self) -> dict[str, Any]:
        """The arguments of the pipeline call that no prompt changes."""
        names = ("guidance_scale", "negative_prompt", "height", "width", "num_frames")
        call = {k: getattr(self, k) for k in names if getattr(self, k) is not None} | dict(self.call)
        if self.shift is not None:
            assert self.steps is not None
            even = [1 - k / self.steps for k in range(self.steps)]
            call["timesteps"] = [1000 * self.shift * s / (1 + (self.shift - 1) * s) for s in even]
        return call


@dataclass
class PoolConfig:
    """replicas: how many; num_cpus and num_gpus of each, fractions allowed; threads: of torch on the CPU, each."""

    replicas: int = 1
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    threads: int = 1


@dataclass
class ClusterConfig:
    """Where to run. executor: `ray` or `inline`. address: `local` starts a Ray of its own, else a cluster to join.

    guide_from: where guides get their gradient, `colocated` (every generator replica loads a reward of its own) or
    `remote` (a reward replica answers for each view). The numbers are the same.
    """

    executor: str = "ray"
    address: str = "local"
    generators: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=2, num_cpus=0.75))
    rewards: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=1, num_cpus=0.5))
    load_timeout_s: float = 600.0  # until a replica has loaded its model
    guide_from: str = "colocated"
    deadline_s: float = 1800.0  # the most a call may take; a shorter one is learnt from the calls seen


@dataclass
class Job:
    """run: folder of results; seed: of all noise; search, reward: by `name`, with options; watch: further rewards.

    sweep: axes of `raysearch sweep`, key: [values]. searches: options by strategy for a sweep over several.
    films: which videos to keep, `best`, `shown` (best, worst and first), `all` or `none`. latents: which states to keep
    on disk once a search is done, `best`, `finals` or `none`; while it runs all are kept, so that nothing is lost.
    baseline: of a guided search, run the same without guide too, so that the report can tell what the guide has done.
    """

    run: str = "runs/run"
    seed: int = 0
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    search: dict[str, Any] = field(default_factory=lambda: {"name": "best_of_n"})
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    reward: dict[str, Any] = field(default_factory=lambda: {"name": "vjepa2"})
    watch: list[Any] = field(default_factory=lambda: [{"name": "motion"}])
    films: str = "shown"
    latents: str = "best"
    baseline: bool = True
    challenge: dict[str, Any] = field(default_factory=dict)  # read by `raysearch challenge` alone
    sweep: dict[str, Any] = field(default_factory=dict)
    searches: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)


CHOICES = {
    "films": ("best", "shown", "all", "none"),
    "latents": ("best", "finals", "none"),
    "cluster.executor": ("ray", "inline"),
    "cluster.guide_from": ("colocated", "remote"),
    "generator.dtype": ("float32", "bfloat16", "float16"),
}
AT_LEAST: dict[str, float] = {
    "generator.steps": 1, "generator.fps": 1, "prompts.heldout": 0, "cluster.generators.replicas": 1,
    "cluster.rewards.replicas": 1, "cluster.generators.threads": 1, "cluster.rewards.threads": 1,
}  # fmt: skip


def load(job_file: str, words: Sequence[str] = (), cluster_file: str | None = None) -> Job:
    """The typed, checked job. Raises UsageError that names the key, the value and the remedy."""
    config = OmegaConf.structured(Job)
    parts = [(job_file, _read(job_file))]
    if cluster_file:
        parts.append((cluster_file, OmegaConf.create({"cluster": _read(cluster_file)})))
    parts.append(("the command line", OmegaConf.create(overrides(words))))
    for source, part in parts:
        config = _merged(config, part, source)
    return _finished(config)


def plain(job: Job) -> dict[str, Any]:
    """The job as nested plain values, a copy."""
    return OmegaConf.to_container(OmegaConf.structured(job))  # type: ignore[return-value]


def typed(values: dict[str, Any], source: str) -> Job:
    """The typed, checked job of nested plain values; errors begin with `source`."""
    return _finished(_merged(OmegaConf.structured(Job), OmegaConf.create(values), source))


def _merged(config: Any, part: DictConfig, source: str) -> Any:
    _known_keys(part, Job, source)
    try:
        return OmegaConf.merge(config, part)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise UsageError(f"{source}: {key}: {str(error).splitlines()[0]}") from None


def _finished(config: Any) -> Job:
    job: Job = OmegaConf.to_object(config)  # type: ignore[assignment]
    tiny_defaults(job)
    check(job)
    return job


def check(job: Job) -> None:
    """What can be known to be wrong without loading anything."""
    for key, allowed in CHOICES.items():
        value = _get(job, key)
        if value not in allowed:
            raise UsageError(f"{key}={value!r}: choose one of {', '.join(allowed)}")
    for key, least in AT_LEAST.items():
        value = _get(job, key)
        if value is not None and value < least:
            raise UsageError(f"{key}={value}: must be at least {least:g}")
    _folder_exists("generator.model", job.generator.model)
    _folder_exists("reward.model", job.reward.get("model", "tiny"))
    if job.generator.steps is None:
        raise UsageError("generator.steps is not set; say how many denoising steps, e.g. generator.steps=50")
    if job.generator.fps is None:
        raise UsageError(
            "generator.fps is not set; say how many frames per second the model makes, e.g. generator.fps=16"
        )
    for part in ("search", "reward"):
        if not isinstance(getattr(job, part).get("name"), str):
            raise UsageError(
                f"{part}.name is missing; say which, e.g. {part}: {{name: {getattr(Job(), part)['name']}}}"
            )
    for i, spec in enumerate(job.watch):
        if isinstance(spec, str):
            job.watch[i] = {"name": spec}
        elif not isinstance(spec, dict) or "name" not in spec:
            raise UsageError(f"watch[{i}]={spec!r}: give a name of a reward, or a mapping with `name`")


def to_yaml(job: Job) -> str:
    return OmegaConf.to_yaml(OmegaConf.structured(job))


def tiny_defaults(job: Job) -> None:
    """Fill what a job with the tiny generator leaves open."""
    if job.generator.model == "tiny":
        from raysearch.tinyworld import GENERATOR_CALL, GENERATOR_DEFAULTS

        job.generator.call = {**GENERATOR_CALL, **job.generator.call}
        for key, value in GENERATOR_DEFAULTS.items():
            if getattr(job.generator, key) is None:
                setattr(job.generator, key, value)


def _folder_exists(key: str, model: str) -> None:
    """A model that is plainly a path must be a folder; anything else may be a hub id."""
    if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise UsageError(f"{key}={model!r}: no such folder; give a folder or a hub id such as Lightricks/LTX-Video")


def _read(path: str) -> DictConfig:
    import yaml

    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    try:
        found = yaml.safe_load(Path(path).read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:160]
        raise UsageError(f"{path}: not a YAML file ({told})") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: a job file holds `key: value` lines, this one holds a {type(found).__name__}")
    return OmegaConf.create(found)


def overrides(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as nested plain values. Raises UsageError for a word of another form."""
    for word in words:
        if "=" not in word or word.startswith("="):
            raise UsageError(f"{word!r}: an override has the form key=value, e.g. search.n=32")
    try:
        return OmegaConf.to_container(OmegaConf.from_dotlist(list(words)))  # type: ignore[return-value]
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


def _get(job: Job, key: str) -> Any:
    value: Any = job
    for part in key.split("."):
        value = getattr(value, part)
    return value
