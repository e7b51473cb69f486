from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.report.evaluation.confidence import expected_calibration_error, fit_temperature, reliability_of

from .conftest import tagged_documents


def test_error_of_an_example_counted_by_hand():
    # Bin (0.8, 0.9]: mean confidence 0.85, half right. Bin (0.3, 0.4]: 0.4, right. Weights 2/3 and 1/3.
    found = expected_calibration_error([0.85, 0.85, 0.4], [True, False, True])
    assert found.ece == pytest.approx((2 * 0.35 + 1 * 0.6) / 3)
    assert found.max_error == pytest.approx(0.6)
    assert found.brier == pytest.approx((0.15**2 + 0.85**2 + 0.6**2) / 3)
    assert [(round(b.low, 1), round(b.high, 1), b.count) for b in found.bins] == [
        (0.3, 0.4, 1),
        (0.8, 0.9, 2),
    ]


def test_bins_are_open_below_and_closed_above():
    found = expected_calibration_error([0.0, 0.1, 0.5, 1.0], [False, False, True, True])
    assert [(round(b.low, 1), b.count) for b in found.bins] == [(0.0, 2), (0.4, 1), (0.9, 1)]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_error_is_bounded_and_bins_hold_everything(pairs, bins):
    confidence, correct = zip(*pairs, strict=True)
    found = expected_calibration_error(confidence, correct, bins=bins)
    assert 0 <= found.ece <= found.max_error + 1e-12 <= 1 + 1e-9
    assert sum(b.count for b in found.bins) == len(pairs) == found.count
    # One bin for everything is the gap of the means, which no partition can beat.
    one = expected_calibration_error(confidence, correct, bins=1)
    assert one.ece == pytest.approx(abs(np.mean(confidence) - np.mean(correct)))
    assert found.ece >= one.ece - 1e-12


def test_calibrated_confidences_have_a_small_error_and_shifted_ones_their_shift():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 200_000)
    correct = rng.random(200_000) < confidence
    assert expected_calibration_error(confidence, correct).ece < 0.005
    assert expected_calibration_error(confidence - 0.2, correct).ece == pytest.approx(0.2, abs=0.005)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="equal vectors"):
        expected_calibration_error([0.5], [True, False])
    with pytest.raises(ValueError, match="outside"):
        expected_calibration_error([1.2], [True])
    assert expected_calibration_error([], []).count == 0


def test_documents_without_confidence_have_no_calibration():
    (document,) = tagged_documents([["B-A", "O", "B-A"]], [["B-A", "B-A", "O"]])
    assert reliability_of([document]) is None
    document.confidence = [0.9, None]
    found = reliability_of([document])
    assert found is not None
    assert (found.count, found.ece) == (1, pytest.approx(0.1))


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_fit_finds_the_temperature_that_the_labels_were_drawn_with(true_temperature):
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 4, (20_000, 5))

    def log_softmax(x):
        x = x - x.max(axis=1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=1, keepdims=True))

    probabilities = np.exp(log_softmax(logits / true_temperature))
    gold = (probabilities.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    calls = []

    def loss(temperature):
        calls.append(temperature)
        return -log_softmax(logits / temperature)[np.arange(20_000), gold].mean()

    found = fit_temperature(loss)
    assert found == pytest.approx(true_temperature, rel=0.04)
    assert len(calls) <= 22
    # And a grid around it has nothing better.
    assert loss(found) <= min(loss(found * f) for f in (0.95, 0.98, 1.02, 1.05))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.06, 18))
def test_fit_finds_any_valley(valley):
    found = fit_temperature(lambda t: (math.log(t) - math.log(valley)) ** 2)
    assert found == pytest.approx(valley, rel=2e-3)


def test_fit_survives_overflow_at_low_temperatures_and_refuses_nothing_finite():
    found = fit_temperature(lambda t: math.inf if t < 2 else (t - 6) ** 2)
    assert found == pytest.approx(6, rel=0.01)
    with pytest.raises(ValueError, match="finite at no temperature"):
        fit_temperature(lambda t: math.nan)
    with pytest.raises(ValueError, match="bounds"):
        fit_temperature(lambda t: t, low=2, high=1)


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.5), (7, 0.3), (40, 0.95), (200, 0.031), (3, 0.999), (5, 0.0), (5, 1.0)]
)
def test_the_error_of_chance(n, p):
    """Against the sum over all outcomes of a binomial."""
    found = expected_calibration_error(np.full(n, p), np.zeros(n)).ece_by_chance
    outcomes = (math.comb(n, k) * p**k * (1 - p) ** (n - k) * abs(k - n * p) for k in range(n + 1))
    assert found == pytest.approx(sum(outcomes) / n, abs=1e-12)


def test_right_confidences_show_the_error_of_chance():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 300)
    found = [expected_calibration_error(confidence, rng.uniform(0, 1, 300) < confidence) for _ in range(300)]
    assert np.mean([one.ece for one in found]) == pytest.approx(found[0].ece_by_chance, rel=0.05)
