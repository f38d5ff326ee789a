"""Lists of strategies, rewards and generators."""

from raysearch.cli import main
from tests.test_cli import told


def test_strategies_are_listed_with_options_and_papers(capsys):
    assert main(["strategies"]) == 0
    out = capsys.readouterr().out
    assert "best_of_n: " in out and "n = 16" in out and "smc: " in out and out.count("paper: ") >= 9


def test_one_strategy_or_reward_tells_what_its_options_mean(capsys):
    assert main(["strategies", "smc"]) == 0
    out = capsys.readouterr().out
    assert "kappa = 0.9 " in out and "conditional ESS" in out and "(a number in (0, 1])" in " ".join(out.split())
    assert "network function evaluations (NFE)" in out and "best_of_n" not in out
    assert max(map(len, out.splitlines())) <= 120
    assert main(["strategies", "tests.commands.test_listing:searched"]) == 0
    out = capsys.readouterr().out
    assert "deep = 3       how far down (a whole number)\n    wide = 1.0     a number\n    budget = null" in out
    assert main(["rewards", "vjepa2"]) == 0
    out = capsys.readouterr().out
    assert "context = [4, 6, 8]" in out and "differentiable\n" in out and "`squash` to the model's square" in out
    for words, near in ((["strategies", "smd"], "did you mean 'smc'"), (["rewards", "moton"], "did you mean 'motion'"),
                        (["strategies", "nowhere:search"], "No module named 'nowhere'")):  # fmt: skip
        code, error = told(capsys, *words)
        assert code == 2 and near in error and error.count("\n") == 1


def searched(seed: int, steps: int, *, deep: int = 3, wide: float = 1.0, budget: int | None = None):
    """A custom search.

    Args:
        deep: how far down.
    """


def test_generators_are_listed_with_what_they_take(capsys):
    assert main(["generators"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows["LTXConditionPipeline"].split()[1:5] == ["yes", "yes", "yes", "yes"]
    assert rows["WanPipeline"].split()[1:4] == ["yes", "-", "-"]
