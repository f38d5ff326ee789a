"""The jobs of the tests of challenges."""

from raysearch import config

WORDS = ["cluster.executor=inline", "search.n=3", "challenge.scenarios=2", "challenge.workers=0",
         "challenge.strategies=[{name: halving, n: 3}]", "generator.steps=6"]  # fmt: skip
JOB = "jobs/challenge_tiny.yaml"


def job(folder, *words):
    return config.load(JOB, [*WORDS, f"run={folder}", *words])
