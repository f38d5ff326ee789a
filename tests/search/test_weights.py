from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysearch.search.weights import Weights

logs = st.lists(st.floats(-700, 700), min_size=1, max_size=40)


@given(logs)
def test_normalised_ess_in_range_and_log_z_is_logmeanexp(lw):
    weights = Weights(np.array(lw))
    assert math.isclose(math.fsum(weights.W), 1, rel_tol=1e-12)
    assert 1 - 1e-9 <= weights.ess <= len(lw) + 1e-9
    expected = np.logaddexp.reduce(lw) - math.log(len(lw))
    assert math.isclose(weights.log_z, expected, rel_tol=1e-12, abs_tol=1e-12)
    assert np.allclose(np.exp(weights.log_w), weights.W, atol=1e-12)


@given(logs, st.floats(-1e3, 1e3))
def test_a_common_factor_moves_log_z_alone(lw, shift):
    before = Weights(np.array(lw))
    after = before.add(np.full(len(lw), shift))
    assert np.allclose(after.W, before.W, atol=1e-10)
    assert math.isclose(after.log_z, before.log_z + shift, rel_tol=1e-9, abs_tol=1e-9)


@given(logs, st.randoms(use_true_random=False))
def test_order_of_slots_changes_no_bit(lw, random):
    order = list(range(len(lw)))
    random.shuffle(order)
    one, other = Weights(np.array(lw)), Weights(np.array(lw)[order])
    assert (one.W[order] == other.W).all()
    assert (one.log_z, one.ess) == (other.log_z, other.ess)


def test_what_weights_were_worth_survives_resampling():
    weights = Weights.uniform(4).add([0.1, 2.0, -1.0, 0.3])
    earned = weights.log_z
    assert weights.resampled().log_z == earned
    assert weights.resampled(9).log_z == earned and len(weights.resampled(9)) == 9
    assert math.isclose(weights.resampled().add([1.0] * 4).log_z, earned + 1)
    split = weights.branched(np.array([0, 1, 1, 2, 3]), np.array([1, 0.5, 0.5, 1, 1]))
    assert math.isclose(split.log_z, earned) and np.allclose(split.W, weights.W[[0, 1, 1, 2, 3]] * [1, 0.5, 0.5, 1, 1])
    half = weights.resampled().add([0.5] * 4).joined(2, 0.25)  # of likelihood 1 beside the estimate so far
    assert math.isclose(math.exp(half.log_z), 0.75 * math.exp(earned + 0.5) + 0.25)
    assert math.isclose(half.log_w[4], half.log_w[5])


def test_add_is_pure_and_arrays_are_read_only():
    weights = Weights.uniform(3)
    weights.add([1.0, 2.0, 3.0])
    assert weights.lw.tolist() == [0.0, 0.0, 0.0]
    for array in (weights.lw, weights.W):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def test_conditional_ess():
    weights = Weights.uniform(3).add([0.0, 1.0, -1.0])
    assert math.isclose(weights.cess([0.7] * 3), 3)
    delta = [0.2, -0.4, 3.0]
    assert math.isclose(Weights.uniform(3).cess(delta), Weights.uniform(3).add(delta).ess)
    assert weights.cess([-math.inf] * 3) == 0


def test_nan_kills_once_and_is_counted():
    weights = Weights.uniform(3).add([math.nan, 0.0, -math.inf])
    assert weights.nans == 1 and weights.W.tolist() == [0.0, 1.0, 0.0]
    later = weights.add([math.nan, 1.0, math.inf])  # the dead stay dead, whatever they would earn
    assert later.nans == 1 and later.W.tolist() == [0.0, 1.0, 0.0]


def test_errors_name_slot_and_remedy():
    with pytest.raises(ValueError, match=r"all 2 particles have weight zero \(1 by NaN\)"):
        Weights.uniform(2).add([math.nan, -math.inf])
    with pytest.raises(ValueError, match=r"slot 1 is inf"):
        Weights.uniform(2).add([0.0, math.inf])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        Weights.uniform(2).add([0.0] * 3)
    with pytest.raises(ValueError, match="N >= 1"):
        Weights.uniform(0)


def test_everything_by_hand():
    weights = Weights(np.log([1.0, 3.0]))
    assert weights.W.tolist() == pytest.approx([0.25, 0.75]) and weights.ess == pytest.approx(1.6)
    assert weights.log_mean == weights.log_z == pytest.approx(math.log(2.0))
    assert np.exp(weights.log_w).tolist() == pytest.approx([0.25, 0.75])
    assert weights.cess(np.log([1.0, 0.5])) == pytest.approx(2 * 0.625**2 / 0.4375)
    assert Weights(np.array([-2000.0, -2000.0])).log_z == pytest.approx(-2000.0)  # no sum underflows
    assert Weights.uniform(2).add([1.0, 0.0]).add([0.0, 2.0]).lw.tolist() == [1.0, 2.0]
    dead = Weights(np.array([0.0, -math.inf]))
    assert dead.cess([0.0, 1000.0]) == 2.0  # whatever the dead would earn
    assert Weights.uniform(2).cess([0.0, math.nan]) == pytest.approx(1.0)


def test_what_was_earned_and_lost_adds_up_over_many_reads():
    weights = Weights.uniform(2).add([1.0, 1.0]).resampled().add([2.0, 2.0]).resampled(3).add([0.5, 0.5, math.nan])
    assert weights.log_z == pytest.approx(3.5 + math.log(2 / 3)) and weights.nans == 1
    assert weights.resampled().nans == weights.branched(np.array([0, 1]), np.ones(2)).nans == 1
    assert weights.joined(2, 0.5).nans == 1
    assert weights.resampled().add([0.0, math.nan, 0.0]).nans == 2


def test_parts_of_particles_and_fresh_ones_by_hand():
    weights = Weights(np.log([1.0, 3.0]), 0.7)
    halves = weights.branched(np.array([0, 1, 1]), np.array([1.0, 0.5, 0.5]))
    assert np.exp(halves.lw).tolist() == pytest.approx([1.5, 2.25, 2.25]) and halves.log_z == pytest.approx(
        weights.log_z
    )
    joined = weights.joined(2, 0.25)
    assert np.exp(joined.lw).tolist() == pytest.approx([1.5, 4.5, *[0.5 * math.exp(-0.7)] * 2])
    assert math.exp(joined.log_z) == pytest.approx(0.75 * math.exp(weights.log_z) + 0.25)


def test_order_of_slots_changes_no_bit_of_a_sum_that_rounds():
    lw = np.array([0.0, *[-36.9] * 10])  # ten times a third of the last bit of 1
    one, other = Weights(lw), Weights(lw[::-1])
    assert one.log_mean == other.log_mean and (other.W[::-1] == one.W).all()
    assert math.fsum(one.W[1:]) > 0 and one.W[0] < 1
