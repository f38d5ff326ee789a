"""Noise that a prompt sets: the worked example on the tiny generator, and what the plug-in point promises."""

from dataclasses import replace

import pytest
import torch

from examples import encoded
from examples.clockwork import settings
from examples.planned_noise import GRID, HELD, LATENTS, moving, places
from raysearch import generators
from raysearch.errors import UsageError
from raysearch.generators import draws, feasible
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.runs.fingerprints import generator_fingerprint
from raysearch.sampling.move import run_move

NAME = "examples.planned_noise:moving"
PLAN = {"path": [[4, 4], [28, 4], [28, 28]], "mix": 0.25}
BALL = Prompt("ball", "a ball", plan=PLAN)


def flipped(prompt, drawn, noise):
    return drawn.flip(-1) if prompt.plan else drawn


def short(prompt, drawn, noise):
    return drawn[:, :-1]


def test_the_noise_of_a_ball_is_carried_along_its_path():
    noise = torch.Generator().manual_seed(0)
    drawn = torch.randn(400, LATENTS * GRID * GRID, 96, generator=noise)
    made = moving(BALL, drawn.clone(), noise)
    at = [f * GRID * GRID + p for f, p in enumerate(places(PLAN["path"]))]
    assert [p % GRID for p in places(PLAN["path"])] == [0, 1, 2, 2, 3, 3, 3, 3, 3]
    others = [t for t in range(drawn.shape[1]) if t not in at[HELD:]]
    assert torch.equal(made[:, others], drawn[:, others]), "all other places, and the given frames, are as they were"
    first, last = made[:, at[HELD]], made[:, at[-1]]
    assert last.std() == pytest.approx(1.0, abs=0.02), "the variance is kept"
    correlation = float((first * last).mean())
    assert correlation == pytest.approx(0.75 / (0.75**2 + 0.25**2) ** 0.5, abs=0.02)
    assert torch.equal(moving(replace(BALL, plan=None), drawn, noise), drawn)
    for bad in ({"path": [[1, 1]]}, {"path": PLAN["path"], "mix": 2}):
        with pytest.raises(UsageError, match="give a path of at least two points"):
            moving(replace(BALL, plan=bad), drawn, noise)


def test_a_generator_draws_by_the_plan_of_its_prompt_and_a_move_from_it():
    config = replace(settings(4), draw="tests.generators.test_draws:flipped")
    model = generators.load(config)  # which gives one object for all prompts
    plain, planned, again = generators.load(settings(4)).on(BALL), model.on(BALL), model.on(BALL)
    bare = model.on(replace(BALL, plan=None))
    drawn = [g.draw(torch.Generator().manual_seed(3)) for g in (plain, bare, planned, again)]
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[2], drawn[0].flip(-1))
    assert torch.equal(drawn[3], drawn[2]), "structured once"
    states = [run_move(g, Move(None, (0, 0), 4), BALL, None, torch.device("cpu"))[0] for g in (plain, planned)]
    assert (states[0].x != states[1].x).any()


def test_a_planned_generator_takes_conditions_of_another_process():
    own, other = (
        generators.load(replace(encoded.settings(4), draw="tests.generators.test_draws:flipped")) for _ in range(2)
    )
    text, changed = (replace(BALL, text=words) for words in ("a ball", "balls"))
    given = other.on(changed, own.on(text).conditions())
    drawn = given.draw(torch.Generator().manual_seed(3))
    assert torch.equal(drawn, own.on(text).draw(torch.Generator().manual_seed(3)))
    noise = torch.Generator()
    assert torch.equal(given.denoise(drawn, 0, noise), own.on(text).denoise(drawn, 0, noise))
    assert not torch.equal(given.denoise(drawn, 0, noise), own.on(changed).denoise(drawn, 0, noise))


def test_plans_and_functions_are_part_of_what_is_hashed():
    assert BALL.plan == '{"mix": 0.25, "path": [[4, 4], [28, 4], [28, 28]]}' == replace(BALL, plan=BALL.plan).plan
    assert BALL.fingerprint() != replace(BALL, plan=None).fingerprint() == Prompt("ball", "a ball").fingerprint()
    bare = settings(4)
    assert generator_fingerprint(replace(bare, draw=NAME)) != generator_fingerprint(bare)
    with pytest.raises(UsageError, match=r"prompt 'p': plan='\{' is no JSON"):
        Prompt("p", "a ball", plan="{")


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(UsageError, match=r"prompt 'ball' has a plan, but no generator.draw names the function"):
        feasible.check(settings(4), [BALL])
    with pytest.raises(UsageError, match=r"generator.draw='no_such:x': ModuleNotFoundError"):
        draws.check(replace(settings(4), draw="no_such:x"), [])
    bad = generators.load(replace(settings(4), draw="tests.generators.test_draws:short")).on(BALL)
    with pytest.raises(UsageError, match="keep shape and dtype"):
        bad.draw(torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_the_shipped_generator_makes_another_video_by_a_plan(tmp_path):
    from raysearch import config, runs

    def job(folder, **more):
        item = {"id": "ball", "text": "a ball", "scene": "one_ball", **more}
        return config.typed({
            "run": str(tmp_path / folder), "prompts": {"items": [item]}, "search": {"name": "best_of_n", "n": 1},
            "generator": {"steps": 2, "draw": NAME}, "reward": {"name": "motion"}, "watch": [], "films": "none",
            "cluster": {"executor": "inline"},
        }, "test")  # fmt: skip

    one, two = (runs.run(job(f, **m))[0].result.winner for f, m in (("a", {}), ("b", {"plan": PLAN})))
    assert one.key != two.key and one.reward != two.reward
