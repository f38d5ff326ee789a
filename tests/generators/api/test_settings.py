"""What an endpoint has no place for is refused with the reason, before anything is asked."""

import pytest

from raysearch import config
from raysearch.errors import UsageError
from raysearch.runs import resolve

OWN = {
    "name": "api", "endpoint": "http://localhost:9/v1", "model": "m", "height": 32, "width": 32, "num_frames": 8,
    "fps": 8,
}  # fmt: skip


def resolved(prompt="a ball", search=None, choose=None, cluster=None, watch=(), **settings):
    values = {
        "prompts": {"items": [prompt, "two balls"]}, "search": search or {"name": "best_of_n", "n": 4},
        "generator": {k: v for k, v in {**OWN, **settings}.items() if v is not None},
        "reward": {"name": "motion"}, "watch": list(watch), "choose": choose or {}, "cluster": cluster or {},
    }  # fmt: skip
    return resolve(config.typed(values, "test"))


@pytest.mark.parametrize(
    ("given", "wants"),
    [
        ({"search": {"name": "smc"}}, "search.name=smc: generator.name=api: the model is behind an endpoint"),
        ({"search": {"name": "halving"}}, "shows nothing in between; use best_of_n or wording"),
        ({"search": {"name": "best_of_n", "guide": "cheap"}}, "search.guide='cheap'"),
        ({"search": {"name": "best_of_n", "kernel": "cps"}}, "search.kernel="),
        ({"endpoint": None}, "generator.endpoint is missing"),
        ({"endpoint": "localhost"}, "give an address"),
        ({"endpoint": "http://u:" + "p@h/v1"}, "looks like a password in a URL"),
        ({"model": None}, "name the model as the endpoint"),
        ({"steps": 30}, "generator.call.num_inference_steps"),
        ({"height": None}, "generator.height is missing"),
        ({"fps": None}, "generator.fps is not set"),
        ({"shift": 3.0}, "generator.shift=3.0: the model is behind an endpoint"),
        ({"chunks": 2, "steps": 2}, "generator.chunks=2"),
        ({"call": {"seed": 3}}, "generator.call.seed=3"),
        ({"call": {"extra": [1]}}, "generator.call.extra=[1]"),
        ({"budget": {"usd": 2.0}}, "generator.price is missing"),
        ({"budget": {"eur": 2.0}, "price": 1.0}, "give {usd: 20}"),
        ({"prompt": {"text": "a", "scene": "one_ball"}}, "at most an image, no clip or scene"),
        ({"cluster": {"generators": {"ranks": 2}}}, "cluster.generators.ranks=2: generator.name=api"),
        ({"watch": [{"name": "flicker"}, {"name": "likephys"}]}, "watch[1].name=likephys: generator.name=api"),
        ({"price": 0.5, "budget": {"usd": 3.0}}, "8 videos at generator.price=0.5 cost $4.00, and the budget"),
        ({"prompt": {"text": "a", "variants": ["b", "c"]}, "price": 1.0,
          "search": {"name": "best_of_n", "n": 4, "across": "variants"}, "budget": {"usd": 15.0}},
         "16 videos at generator.price=1"),
    ],
)  # fmt: skip
def test_refusals_name_key_value_and_remedy(given, wants):
    with pytest.raises(UsageError) as refused:
        resolved(**given)
    assert wants in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_what_works():
    assert resolved(price=0.5, budget={"usd": 4.0}).generator.steps == 1
    assert resolved(search={"name": "best_of_n", "kernel": "ode"}, call={"num_inference_steps": 30}).prompts
    varied = {"text": "a", "variants": ["b"]}
    assert resolved(varied, search={"name": "wording", "n": 4}, choose={"how": "rank", "parts": ["motion"]}).prompts


def test_price_and_budget_change_no_key_and_the_endpoint_does():
    one = resolved()
    assert resolved(price=0.5, budget={"usd": 4.0}).scopes == one.scopes
    assert resolved(price=0.5, budget={"usd": 4.0}).manifest == one.manifest
    assert resolved(endpoint="http://localhost:8/v1").scopes != one.scopes


def test_a_second_copy_of_a_request_is_never_sent(monkeypatch):
    from raysearch.executors import create
    from raysearch.executors.ray import executor

    seen = []
    monkeypatch.setattr("raysearch.security.authenticate_driver", lambda address: None)
    monkeypatch.setattr(executor, "RayExecutor", lambda cluster, *rest: seen.append(cluster))
    found = resolved(cluster={"hedge": 3.0, "address": "ray://nowhere:1"})
    create.create(found.job.cluster, found.generator, found.specs, "store")
    assert seen[0].hedge == 0 and found.job.cluster.hedge == 3.0
