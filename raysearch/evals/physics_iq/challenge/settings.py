"""What a challenge is to do: the `challenge:` part of its job, checked, and the runs that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from raysearch.config import schema
from raysearch.config.places import As
from raysearch.config.settings import Job, PartSpec
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import descriptions, layout, protocol, standin
from raysearch.evals.physics_iq.layout import DataSet
from raysearch.generators import solver
from raysearch.moves import digest


@dataclass
class Settings:
    """The `challenge:` part of a job.

    Attributes:
        data: folder of the data set, or `tiny` for a stand-in.
        track: what a generation starts from, a frame (i2v) or a clip (v2v).
        descriptions: CSV of prompts and categories; null for the official one, descriptions/ beside the data.
        prompts: op (original) or bpp (best practice), which the descriptions hold.
        scenarios: the number of scenarios of the stand-in.
        strategies: further searches, beside `search` of the job.
        runs: repetitions with other seeds, 4 for the protocol.
        condition_frames: frames at the end of the conditioning clip (v2v) that are given; null for all.
        drop: frames at the start of a generated video that are conditioning; null for as many as were given.
        upscale: `reference` scales clips to the size of the real ones.
        enlarge: how, bicubic or nearest.
        cache: folder of what real clips need, on each machine; null for one in the run folder.
        workers: views that are scored at a time, on Ray; 0 for this process.
        card: what the submission card says beside what the runs tell: org, id and date, keys of its public_info, terms
            and warranties.
    """

    data: str = "tiny"
    track: Literal["i2v", "v2v"] = "v2v"
    descriptions: str | None = None
    prompts: Literal["op", "bpp"] = "op"
    scenarios: Annotated[int, Ge(1), Le(1000)] = 4
    strategies: Annotated[list[dict[str, Any]], As(list[PartSpec])] = field(default_factory=list)
    runs: Annotated[int, Ge(1), Le(4), "1, or up to 4 for the protocol of Physics-IQ Verified"] = 1
    condition_frames: Annotated[int, Ge(1), Le(100_000)] | None = None
    drop: Annotated[int, Ge(0), Le(100_000)] | None = None
    upscale: Literal["none", "reference"] = "none"
    enlarge: Literal["bicubic", "nearest"] = "bicubic"
    cache: str | None = None
    workers: Annotated[int, Ge(0), Le(10_000)] = 2
    card: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChallengeRun:
    """One run of one strategy.

    Attributes:
        name: Name of the strategy.
        number: Number of the repetition, from 1.
        job: The job of the run.
    """

    name: str
    number: int
    job: Job


def read(job: Job) -> Settings:
    """Raises UsageError for an unknown key or value."""
    if not job.challenge:
        raise UsageError(
            "the job has no part `challenge:`; give one, e.g. challenge: {data: tiny}, see docs/challenge.md"
        )
    found = schema.build(Settings, schema.partial(job.challenge, Settings, "the job", "challenge."))
    for spec in (job.search, *found.strategies):
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
            raise UsageError(f"challenge.strategies: {spec!r} has no name; write e.g. {{name: smc, n: 8}}")
    protocol.check(found.card)
    labels = [label(s) for s in (job.search, *found.strategies)]
    if doubles := sorted({n for n in labels if labels.count(n) > 1}):
        raise UsageError(f"challenge.strategies: two are called {doubles[0]!r}; give one another `label`")
    return found


def label(search: dict[str, Any]) -> str:
    """The name of a strategy in the tables: its `label`, or else its name."""
    return str(search.get("label", search["name"]))


def data(job: Job, settings: Settings) -> DataSet:
    """The data set at the frame rate of the generator. Raises UsageError if it lacks what the track conditions on."""
    assert job.generator.fps is not None
    if settings.data == "tiny":
        root = standin.write(f"{near(job, settings)}/data", settings.scenarios, job.seed)
    else:
        root = Path(settings.data)
    found = layout.read(root, int(job.generator.fps), texts(settings, root) if root.is_dir() else None)
    for view in found.views:
        if (view.switch if settings.track == "i2v" else view.conditioning) is None:
            what = "switch-frames" if settings.track == "i2v" else f"split-videos/conditioning/{found.fps}FPS"
            raise UsageError(f"{root / what}: has no file for {view.name}; the {settings.track} track starts from it")
    return found


def expected(job: Job, settings: Settings) -> DataSet:
    """The data set as far as it is here, or as it is published: for a dry run, which writes nothing."""
    assert job.generator.fps is not None
    fps, root = int(job.generator.fps), Path(settings.data)
    if settings.data == "tiny":
        return standin.expected(settings.scenarios)
    if (root / "split-videos/testing").is_dir():
        return data(job, settings)
    csv = settings.descriptions or descriptions.official(root, settings.prompts)
    return layout.expected(root, fps, descriptions.described(Path(csv)) if csv and Path(csv).is_file() else {})


def near(job: Job, settings: Settings) -> str:
    """The folder on this machine for what is made from the data set: the run folder, or a cache where that is a URL."""
    if "://" not in job.run:
        return job.run
    return settings.cache or str(Path("~/.cache/raysearch/challenge").expanduser() / digest(job.run)[:12])


def texts(settings: Settings, root: Path) -> Path:
    """The CSV of prompts: as the job says, or the official one beside the data. Raises UsageError if there is none."""
    if settings.descriptions is not None:
        return Path(settings.descriptions)
    if settings.data == "tiny":
        return root / "descriptions.csv"
    if (found := descriptions.official(root, settings.prompts)) is None:
        official = {"op": "descriptions_original.csv", "bpp": "best_practice/descriptions_base.csv"}[settings.prompts]
        raise UsageError(
            f"challenge.prompts={settings.prompts}: {root.parent} holds no descriptions/{official}; copy the folder "
            "descriptions/ of the benchmark's repository beside the data, or name a CSV by challenge.descriptions"
        )
    return found


def pick(found: DataSet, limit: int | None, scenario: str | None) -> DataSet:
    """Of the views those of scenarios whose name contains `scenario`, the first `limit` of them."""
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: at least 1 view")
    views = [v for v in found.views if scenario is None or scenario in v.scenario][:limit]
    if not views:
        names = dict.fromkeys(found.scenarios)
        raise UsageError(f"--scenario {scenario!r}: no view is left; scenarios are {', '.join(names)}")
    return replace(found, views=tuple(views))


def entries(job: Job, settings: Settings, items: Sequence[dict[str, str]]) -> list[ChallengeRun]:
    """Every run there is to be, repetitions of a strategy together.

    Args:
        job: The job of the challenge.
        settings: Its settings.
        items: The prompts of the views, the same in every run: a wording is chosen before, not run by run.
    """
    if job.prompts.refine:
        raise UsageError(
            "prompts.refine: a wording may differ from run to run and is not to be chosen by the views; refine the "
            "prompts by `raysearch run` on others, and leave it out of a challenge"
        )
    result, rewrite = [], dict(job.prompts.rewrite)
    if rewrite:
        rewrite.setdefault("answers", f"{job.run}/wordings")  # what a writer answers is asked once, for all runs
    for search in (job.search, *settings.strategies):
        name = label(search)
        spec = {k: v for k, v in search.items() if k != "label"}
        if spec["name"] == "best_of_n":  # whose first draw is `base`: what the model makes by itself
            spec.setdefault("kernel", solver.STOCK)
        for k in range(settings.runs):
            prompts = replace(job.prompts, items=list(items), heldout=0, rewrite=rewrite)
            sub = replace(job, run=f"{job.run}/{name}/run_{k + 1:02d}", seed=job.seed + k, search=spec, films="all",
                          prompts=prompts, challenge={})  # fmt: skip
            result.append(ChallengeRun(name, k + 1, sub))
    return result
