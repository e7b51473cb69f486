from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cloudner.report.evaluation.scores import count_arrays, strict_scores
from cloudner.report.evaluation.significance import bootstrap_intervals, compare, ratios

from .conftest import tagged_documents


def counts_of(rows):
    return np.array(rows, dtype=np.int64)


def test_ratios_equal_the_scores(disturbed):
    documents = tagged_documents(*disturbed)
    scores = strict_scores(documents)
    total = count_arrays(documents, list(scores.per_label)).sum(axis=(0, 1))
    assert ratios(total) == pytest.approx(
        [scores.micro.precision, scores.micro.recall, scores.micro.f1], abs=1e-15
    )
    assert list(ratios(np.zeros((2, 3)))[0]) == [0, 0, 0]


def test_intervals_hold_the_score_and_repeat_with_the_seed(disturbed):
    documents = tagged_documents(*disturbed)
    scores = strict_scores(documents)
    counts = count_arrays(documents, list(scores.per_label))
    micro, labels = bootstrap_intervals(counts, rounds=500, seed=3)
    assert micro["f1"].low < scores.micro.f1 < micro["f1"].high
    assert micro["f1"].high - micro["f1"].low < 0.12
    for score, interval in zip(scores.per_label.values(), labels, strict=True):
        assert interval["recall"].low < score.recall < interval["recall"].high
    again, _ = bootstrap_intervals(counts, rounds=500, seed=3)
    assert again == micro
    assert bootstrap_intervals(counts, rounds=500, seed=4)[0] != micro


def test_intervals_cover_the_true_value_about_as_often_as_they_say():
    # Documents with one prediction and one gold entity, right with probability 0.7: F1 is the share of right ones.
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        correct = rng.random(80) < 0.7
        counts = np.stack([correct, np.ones(80), np.ones(80)], axis=1)[:, None, :].astype(np.int64)
        interval = bootstrap_intervals(counts, rounds=200, seed=trial)[0]["f1"]
        hits += interval.low <= 0.7 <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


def test_intervals_of_no_document():
    micro, labels = bootstrap_intervals(np.zeros((0, 2, 3), dtype=np.int64))
    assert micro["f1"].high == 0.0
    assert len(labels) == 2


def test_randomisation_agrees_with_all_swaps_counted_out():
    rng = np.random.default_rng(0)
    one = counts_of([[c, 3, 3] for c in rng.integers(1, 4, 9)])
    two = counts_of([[c, 3, 3] for c in rng.integers(0, 3, 9)])
    observed = abs(ratios(one.sum(0))[2] - ratios(two.sum(0))[2])
    extreme = 0
    for swap in product([0, 1], repeat=9):
        mask = np.array(swap)[:, None]
        a, b = np.where(mask, two, one).sum(0), np.where(mask, one, two).sum(0)
        extreme += abs(ratios(a)[2] - ratios(b)[2]) >= observed - 1e-12
    exact = extreme / 2**9
    found = compare(one, two, rounds=20_000, seed=0)
    assert found.p_value == pytest.approx(exact, abs=0.01)
    assert found.difference == pytest.approx(ratios(one.sum(0))[2] - ratios(two.sum(0))[2])
    assert found.interval.low <= found.difference <= found.interval.high


def test_equal_models_do_not_differ():
    one = counts_of([[2, 3, 3]] * 20)
    found = compare(one, one.copy())
    assert (found.difference, found.p_value, found.differing) == (0.0, 1.0, 0)


def test_a_clear_difference_is_significant_and_has_a_sign():
    better = counts_of([[3, 3, 3]] * 60)
    worse = counts_of([[1, 3, 3]] * 60)
    assert compare(better, worse, rounds=2000).p_value < 0.001
    assert compare(worse, better, rounds=2000).difference < 0
    assert compare(better, worse, rounds=2000).wins == 1.0


def test_false_alarms_are_as_rare_as_the_level_says():
    rng = np.random.default_rng(5)
    alarms = 0
    for trial in range(100):
        one, two = (
            np.stack([rng.random(40) < 0.6, np.ones(40), np.ones(40)], axis=1).astype(np.int64)
            for _ in range(2)
        )
        alarms += compare(one, two, rounds=400, seed=trial).p_value < 0.05
    assert alarms <= 12


def test_different_documents_cannot_be_compared():
    with pytest.raises(ValueError, match="3 documents with 4"):
        compare(counts_of([[1, 1, 1]] * 3), counts_of([[1, 1, 1]] * 4))
