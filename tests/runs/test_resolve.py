"""A job is resolved once: every check, lookup, pin and fingerprint happens one time, however many need it."""

import sys
from collections import Counter
from dataclasses import replace

import pytest
from PIL import Image

from raysearch import config, rewards, runs
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.moves import digest
from raysearch.prompts import Prompt
from raysearch.runs import Shared, execute, resolve
from raysearch.runs import fingerprints as prints

ONCE = ("judges", "prompts", "pin", "generator_fingerprint", "manifest")
CLOCKWORK = ["generator={name: 'examples.clockwork:load', model: clockwork, steps: 4, fps: 8}", "reward=motion",
             "watch=[flicker]", "prompts.heldout=3", "search={name: best_of_n, n: 2}", "films=none",
             "cluster.executor=inline"]  # fmt: skip


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("run: unused\n")
    return config.load(str(path), [f"run={tmp_path / 'run'}", *CLOCKWORK])


@pytest.fixture
def calls(monkeypatch):
    """How often each step of resolving was taken, counted by wrapping the real functions where they are looked up."""
    counts = Counter()

    def count(module, name, key=""):
        real = getattr(module, name)

        def wrapped(*args, **options):
            counts[key or name] += 1
            return real(*args, **options)

        monkeypatch.setattr(module, name, wrapped)

    for name in ("judges", "recipe", "prompts", "manifest", "generator_fingerprint"):
        count(sys.modules["raysearch.runs.resolve"], name)
    count(feasible, "pin")
    count(feasible, "check", "feasible")
    count(rewards, "check")
    count(rewards, "differentiable")
    count(sys.modules["raysearch.runs.judges"], "resolved")
    count(sys.modules["raysearch.runs.manifest"], "rewards_fingerprint")
    return counts


def test_in_one_run_everything_is_asked_once(job, calls):
    ended = runs.run(job)
    assert [end.error for end in ended] == [None] * 3
    specs = 2  # motion and flicker
    assert calls == {
        "judges": 1, "recipe": 1, "prompts": 1, "manifest": 1, "generator_fingerprint": 1, "pin": 1,
        "feasible": 1, "check": specs, "differentiable": specs, "resolved": specs, "rewards_fingerprint": 2,
    }  # fmt: skip


def test_a_thousand_points_share_prompts_pin_and_rewards(job, calls):
    shared = Shared()
    points = [resolve(replace(job, seed=seed), shared=shared) for seed in range(1000)]
    assert [calls[name] for name in ONCE] == [1] * len(ONCE)
    assert calls["recipe"] == 1000
    assert points[0].scopes == points[999].scopes and points[0].recipe.seed != points[999].recipe.seed


def test_what_differs_is_not_shared(job):
    shared = Shared()
    one = resolve(job, shared=shared)
    steps = resolve(replace(job, generator=replace(job.generator, steps=8)), shared=shared)
    watched = resolve(replace(job, watch=[]), shared=shared)
    assert one.scopes != steps.scopes and one.manifest["generator"] != steps.manifest["generator"]
    assert watched.manifest["rewards"] != one.manifest["rewards"] and watched.scopes == one.scopes


def test_what_is_resolved_stays_as_it_is(job):
    resolved = resolve(job)
    assert resolve(resolved) is resolved
    assert runs.manifest(resolved) == runs.manifest(job) == resolved.manifest
    with execute.executor(resolved) as pool:
        assert pool.status()


def test_a_job_for_another_machine_asks_no_model(job):
    far = replace(job, generator=replace(job.generator, name="nowhere.there:load"))
    resolved = resolve(far, elsewhere=True)
    assert len(resolved.prompts) == 3 and not resolved.scopes and not resolved.manifest
    with pytest.raises(UsageError, match=r"generator.name='nowhere.there:load'"):
        resolve(far)


def test_fingerprints_on_record_stand_in_for_the_model(job):
    record = resolve(job).manifest
    gone = replace(job, generator=replace(job.generator, name="nowhere.there:load"))
    assert resolve(gone, record=record).scopes == resolve(job).scopes


def test_scopes_are_made_of_generator_and_prompt(job):
    resolved = resolve(job)
    weights = prints.generator_fingerprint(job.generator)
    wanted = [prints.digest([weights, p.fingerprint()]) for p in resolved.prompts]
    assert [t.scope for t in resolved.tasks()] == wanted == list(resolved.scopes)
    assert isinstance(resolved.prompts[0], Prompt)


def test_the_baseline_is_the_same_without_its_guide(job):
    guided = replace(job, reward={"name": "smoothness"}, search={"name": "best_of_n", "n": 2, "guide": "cheap"})
    resolved = resolve(guided)
    (steered, plain) = (tasks[0] for tasks in (resolved.tasks(), resolved.baseline()))
    assert plain.name == f"{steered.name}-unguided" and plain.scope == steered.scope
    assert next(steered.search).moves[0].guide is not None and next(plain.search).moves[0].guide is None
    assert not resolve(replace(guided, baseline=False)).baseline() and not resolve(job).baseline()


def test_rewards_and_run_agree_on_identity(job):
    assert resolve(job).judges[0].identity == rewards.resolved(job.reward)


def test_fit_enters_the_scope_of_a_prompt_whose_picture_has_another_shape(tmp_path):
    for name, size in (("square", (64, 64)), ("wide", (80, 64))):
        Image.new("RGB", size, (9, 9, 9)).save(tmp_path / f"{name}.png")
    path = tmp_path / "job.yaml"
    path.write_text(
        "prompts: {items: [{id: a, text: a ball}, {id: b, image: square.png}, {id: c, image: wide.png}]}\n"
        "generator: {model: tiny, steps: 4}\nreward: motion\nwatch: []\nsearch: {name: best_of_n, n: 2}\n"
    )

    def scopes(*words):
        job = config.load(str(path), [f"run={tmp_path / 'run'}", *words])
        items = [{**i, **({"image": str(tmp_path / i["image"])} if "image" in i else {})} for i in job.prompts.items]
        found = resolve(replace(job, prompts=replace(job.prompts, items=items)))
        plain = [digest([found.manifest["generator"]["weights"], p.fingerprint()]) for p in found.prompts]
        return found.scopes, [a == b for a, b in zip(found.scopes, plain, strict=True)]

    crop, as_before = scopes()
    assert as_before == [True, True, False]
    pad, _ = scopes("generator.fit=pad")
    assert not {*crop} & {*pad}
