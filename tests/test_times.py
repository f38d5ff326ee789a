"""Tables of noise levels by hand: RBF's conversion to the variance-preserving path and its time warp."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import pytest
import torch

from raysearch.coefficients import _vp_time
from raysearch.config.generator import GeneratorConfig, Times
from raysearch.errors import UsageError
from raysearch.times import TIMES, vp_sigma


def test_the_tables_by_hand():
    assert [TIMES["even"](k / 4) for k in range(5)] == [1, 0.75, 0.5, 0.25, 0]
    assert TIMES["warped"](0.6) == pytest.approx(0.8) and TIMES["warped"](0.0) == 1
    t = 9.95 * 0.25 + 0.05  # r = .5: a = .281, s = .960
    assert TIMES["vp"](0.5) == vp_sigma(0.5) == pytest.approx(1 / (1 + math.exp(-t / 2) / math.sqrt(1 - math.exp(-t))))
    assert vp_sigma(0.5) == pytest.approx(0.7734, abs=1e-4)
    assert TIMES["vp_warped"](0.6) == vp_sigma(0.8)
    for sigma_of in TIMES.values():
        table = [sigma_of(k / 12) for k in range(13)]
        assert table[0] == 1 and table[-1] == 0 and table == sorted(set(table), reverse=True)


@pytest.mark.parametrize("r", [0.01, 0.3, 0.8, 0.999])
def test_the_time_of_the_vp_path_is_found_again_from_the_noise_level(r):
    sigma = torch.tensor(vp_sigma(r), dtype=torch.float64)
    assert float(_vp_time(7 * (1 - sigma), 7 * sigma)) == pytest.approx(r, abs=1e-9)
    assert float(_vp_time(torch.zeros((), dtype=torch.float64), sigma)) == pytest.approx(1.0)


def test_the_pipeline_is_called_with_the_table_shifted():
    plain = GeneratorConfig(steps=4, shift=None, times="warped")
    assert plain.pipeline_call()["timesteps"] == pytest.approx([1000 * math.sqrt(1 - (k / 4) ** 2) for k in range(4)])
    shifted = replace(plain, shift=3.0).pipeline_call()["timesteps"]
    assert shifted[2] == pytest.approx(1000 * 3 * math.sqrt(0.75) / (1 + 2 * math.sqrt(0.75)))
    halves = replace(plain, chunks=2).pipeline_call()["timesteps"]
    assert halves == pytest.approx([1000, 1000 * math.sqrt(0.75)])
    assert "timesteps" not in GeneratorConfig(steps=4).pipeline_call()
    with pytest.raises(UsageError, match=r"generator.steps is missing; shift and times"):
        GeneratorConfig(times="vp").pipeline_call()


def test_the_settings_offer_the_tables_there_are():
    assert set(get_args(Times)) == set(TIMES)
