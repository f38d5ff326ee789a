"""Broken job files and command lines, seeded: each must be right or refused in one line, within seconds.

    python -m benchmarks.fuzz.jobs [--files 1000] [--lines 1000] [--seed 0]

`config` and `plan` run every case: the first resolves a job, the second also runs its searches on a simulated clock.
What can be known of a case stands with it: a text must come back as it was written, and a number that cannot be must be
refused; anything else may be accepted, or refused in one line.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.fuzz.forks import Ended, Way, prepare, single, ways
from benchmarks.fuzz.table import SHARE, Table, command, sampled
from raysearch import config
from raysearch.cli import main as command_line
from raysearch.config.dump import dump
from raysearch.config.reader import parse
from raysearch.config.schema import plain
from raysearch.errors import UsageError

FORK, FRESH = ways("raysearch.cli", lambda: command_line)
LIMIT_S = 20.0
BASE = """\
run: {run}
seed: 0
prompts: {{items: [{{id: a, text: a ball}}, {{id: b, text: a wall}}]}}
search: {{name: best_of_n, n: 4}}
generator: {{name: "examples.clockwork:load", model: clockwork, steps: 8, fps: 8}}
reward: motion
watch: [flicker]
cluster: {{executor: inline}}
"""
TEXTS = ["12:30:00", "007", "1e3", "no", "on", "null_", "2024-01-01", "${5}", "${oc.env:HOME}", "???",
           "$HOME", "0o17", "1_000",
         "a: b", "#x", "*x", "&x", "!x", "~x", "@x", "%x", "é", "true", "=", "<<", "-", "."]  # fmt: skip
TEXT_KEYS = ["generator.negative_prompt", "generator.revision", "cluster.slurm.time", "cluster.slurm.account",
             "cluster.slurm.partition", "cluster.submit.address", "cluster.generators.accelerator_type"]  # fmt: skip
NUMBER_KEYS = ["seed", "generator.steps", "generator.height", "generator.width", "generator.num_frames",
           "generator.fps",
               "generator.chunks", "generator.shift", "generator.guidance_scale", "prompts.heldout", "prompts.first",
               "search.n", "cluster.generators.replicas", "cluster.generators.num_cpus", "cluster.generators.threads",
               "cluster.rewards.replicas", "cluster.wait_s", "cluster.hedge", "cluster.deadline_s",
               "cluster.generators.memory_gb", "cluster.slurm.nodes", "cluster.submit.max_mb"]  # fmt: skip
NO_NUMBERS = [".nan", ".inf", "-.inf", "-1", "1e400", "-1e20", "100000000000000000000", "1e20", "many",
           "[1]", "{a: 1}", "'3'",
              "1,2", "9" * 5000, "true"]  # fmt: skip
OPTIONS = ["search.lam", "search.kernel", "search.kernel.eta", "search.kernel.window", "search.guide",
           "search.guide.scale",
           "search.reads", "search.threshold", "search.budget", "search.scheme", "search.rise",
           "search.last", "search",
           "search.name", "reward", "reward.name", "reward.label", "reward.parts", "watch", "choose", "choose.how",
           "choose.parts", "choose.at_least", "prompts", "prompts.items", "prompts.scenes", "generator",
           "generator.call",
           "generator.name", "generator.model", "generator.dtype", "run", "films", "latents", "baseline", "challenge",
           "challenge.data", "sweep", "searches", "cluster", "cluster.storage", "cluster.address", "cluster.executor",
           "cluster.submit.env", "cluster.generators.resources", "cluster.generators.labels"]  # fmt: skip
ODD = ["", "null", "[]", "{}", "[[]]", "[{}]", "{a: }", "{name: }", "{name: [a]}", "0", "-1", "1e20", ".nan",
           "[.nan]", "smc", "ode",
       "cheap", "motion", "x" * 3000, "{name: fuse}", "{name: fuse, parts: [fuse]}", "{name: smc, n: 2, reads: []}",
       "{name: smc, reads: [2]}", "[a, a]", "{name: ddim_eta, eta: .5}", "[0.5, 0.2]", "\0", "é" * 300,
       "../..", "/", "~nobody/x",
       "s3://", "nosuch://x/y", "{scale: 1e400}", "[{text: a, id: " + "y" * 500 + "}]", "[{id: a}]",
       "[{text: }]", "[3]",
       "{how: sum, parts: [nothing]}", "{motion: x}", "{{}: 1}", "[1", "'", "}", "true", "{" * 200,
       "a:b:c"]  # fmt: skip
TINY, MULTIPLE = ("generator.name=diffusers", "generator.model=tiny", "generator.num_frames=17"), 32
NO_PROMPTS = ["{id: a/b, text: x}", "{id: .a, text: x}", '{id: "a\\tb", text: x}', '{id: "a\\e[2J", text: x}',
              "{id: " + "a" * 300 + ", text: x}", "{id: a, text: x}, {id: a, text: y}", "{id: a}", "[x]",
              "{id: a, text: x}, {id: a-unguided, text: y}", "{text: x, scene: nowhere}", "{text: x, image: no.png}",
              "{text: x, video: a.mp4, image: b.png}", "{text: x, scene_seed: -1}", "{id: '', text: x}", "{txt: x}",
              '{id: "caf\\u00e9", text: x}, {id: "cafe\\u0301", text: y}', "{id: ' ', text: x}",
              "{id: [a]}"]  # fmt: skip
BREAKS = ["\t", "\0", "[", "]", "{", "}", "'", '"', ": ", "- ", "*a", "&a ", "!!set ", "!x ", "---\n",
           "...\n", "%YAML 1.1\n", "? ",
          "|", ">", "<<: 3\n", "\u2028", "\ufeff", "é", "#", ",", "\\", "  ", "\n", "a: &a [*a]\n",
          "[" * 500]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One input. text: of the job file; words: behind it; refuse: it must be; key, value: a text to come back."""

    kind: str
    text: str
    words: tuple[str, ...] = ()
    refuse: bool = False
    key: str = ""
    value: str = ""


def broken_lines(rng: random.Random, base: str) -> Iterator[Case]:
    """Command lines."""
    while True:
        kind = rng.choice(["text", "number", "option", "option", "word", "size", "prompt"])
        if kind == "text":
            key, value = rng.choice(TEXT_KEYS), rng.choice(TEXTS)
            yield Case("line: text", base, (f"{key}={value}",), key=key, value=value)
        elif kind == "number":
            yield Case("line: number", base, (f"{rng.choice(NUMBER_KEYS)}={rng.choice(NO_NUMBERS)}",), refuse=True)
        elif kind == "option":
            strategy = rng.choice(["search=smc", "search=beam", "search=halving", "search.n=2", "search=pcn"])
            words = [f"{rng.choice(OPTIONS)}={rng.choice(ODD)}" for _ in range(rng.choice([1, 1, 2]))]
            yield Case("line: option", base, (strategy, *words))
        elif kind == "size":
            side, key = rng.choice([*range(1, 70), 320, 704, 16_384]), rng.choice(["height", "width"])
            refuse = side % MULTIPLE != 0
            yield Case("line: size", base, (*TINY, f"generator.{key}={side}"), refuse=refuse)
        elif kind == "prompt":
            yield Case("line: prompt", base, (f"prompts.items=[{rng.choice(NO_PROMPTS)}]",), refuse=True)
        else:
            word = rng.choice(["a", "=", "=1", "a=", ".a=1", "a.=1", "a..b=1", "--search.n=4", "-n=3",
            "serch.n=4", "search.m=4",
                               ".".join("ab" * 90) + "=1", "search.n=1=2", "généré=1",
                               "prompts.items[0]=a"])  # fmt: skip
            yield Case("line: word", base, (word,), refuse=True)


def broken_files(rng: random.Random, base: str) -> Iterator[Case]:
    """Job files: one setting replaced, or the text broken somewhere."""
    while True:
        kind = rng.choice(["text", "number", "option", "broken", "broken", "cut"])
        if kind in ("text", "number", "option"):
            keys, values = {"text": (TEXT_KEYS, TEXTS), "number": (NUMBER_KEYS, NO_NUMBERS), "option": (OPTIONS, ODD)}[
                kind
            ]
            key, value = rng.choice(keys), rng.choice(values)
            if (kind == "text" and value[0] in "#*&!%@" + "-") or value in ("a: b", "<<", "="):
                value = f"'{value}'"
            text = nested(base, key, value)
            wanted = value.strip("'") if kind == "text" else ""
            yield Case(f"file: {kind}", text, refuse=kind == "number", key=key if kind == "text" else "", value=wanted)
        elif kind == "broken":
            at = rng.randrange(len(base))
            yield Case("file: broken", base[:at] + rng.choice(BREAKS) * rng.choice([1, 1, 3]) + base[at:])
        else:
            start = rng.randrange(len(base))
            yield Case("file: cut", base[:start] + base[start + rng.randrange(1, 40) :])


def nested(base: str, key: str, value: str) -> str:
    """The job with one setting replaced, written in block style by hand so that the value stands as it is."""
    values: dict[str, Any] = plain(parse(base, "base"))
    *path, last = key.split(".")
    part = values
    for name in path:
        if not isinstance(part.get(name), dict):
            part[name] = {"name": part[name]} if isinstance(part.get(name), str) else {}
        part = part[name]
    part[last] = "PLACE"
    return dump(values).replace("PLACE", value)


def judge(case: Case, folder: Path, way: Way | None = None) -> tuple[str, Ended]:
    """The verdict on a case, and how it ended: `config`, then `plan` where no text is to come back."""
    way, job = way or FORK, folder / "job.yaml"
    job.write_text(case.text, encoding="utf-8", errors="surrogatepass")
    ended = way(["config", str(job), *case.words], folder, LIMIT_S)
    if ended.code == 0 and not ended.fault and case.key:
        came_back = text_at(case.key, ended.out, folder / "printed.yaml")
        if came_back != case.value:
            return "silently wrong", replace(ended, err=f"{case.key} is {came_back!r}")
    elif ended.code == 0:
        ended = way(["plan", str(job), *case.words, "--seconds-per-nfe", "1"], folder, LIMIT_S)
    if ended.fault:
        return ended.fault, ended
    if ended.code == 0:
        return ("silently wrong" if case.refuse else "right"), ended
    shown = [line for line in ended.err.splitlines() if line.strip()]
    one = bool(shown) and (len(shown) == 1 or shown[0].startswith("usage:"))
    return ("clear" if ended.code == 2 and one and len(ended.said) < 3000 else "traceback"), ended


def text_at(key: str, printed: str, file: Path) -> Any:
    """A setting of the configuration that `config` printed, which must itself be a job file."""
    file.write_text(printed)
    try:
        value: Any = config.plain(config.load(str(file)))
        for name in key.split("."):
            value = value[name]
        return value
    except (UsageError, KeyError, TypeError) as error:
        return error


def fuzz(files: int, lines: int, seed: int, share: float = SHARE) -> Table:
    """Judge the given numbers of job files and command lines."""
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = BASE.format(run=f"{name}/run")
        ready(base, folder)
        for make, wanted in ((broken_files, files), (broken_lines, lines)):
            cases = make(random.Random(f"{seed} {make.__name__}"), base)
            for number in range(wanted):
                case = next(cases)
                shown = repr((" ".join(case.words) or case.text)[-300:])
                first = judge(case, folder)
                table.add(case.kind, first[0], f"{shown}: ...{first[1].said[-400:]}", shown=True)
                if sampled(seed, number, share) and "\0" not in "".join(case.words):  # no process can be given that
                    table.again(first, judge(case, folder, FRESH), f"{case.kind}: {shown}")
    return table


def ready(base: str, folder: Path) -> None:
    """Import here what the commands import."""
    job = folder / "job.yaml"
    job.write_text(base)

    def act() -> int:
        plan = ["plan", str(job), "--seconds-per-nfe", "1"]
        return command_line(["config", str(job)]) or command_line(plan) or command_line([*plan, *TINY])

    prepare(act, folder)


if __name__ == "__main__":
    single()
    sys.exit(command(fuzz, __doc__ or "", {"files": 1000, "lines": 1000}, "jobs"))
