"""Micro-batches hold every sequence once, within the budget, with little padding."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.model.runners.micro_batches import plan


def cost(groups, lengths, overhead) -> int:
    return sum(len(g) * int(lengths[g].max()) + overhead for g in groups)


@given(
    lengths=st.lists(st.integers(1, 60), max_size=40),
    budget=st.integers(1, 300),
    overhead=st.integers(0, 200),
)
@settings(max_examples=80, deadline=None)
def test_every_sequence_once_within_budget(lengths, budget, overhead):
    lengths = np.array(lengths, dtype=np.int64)
    groups = plan(lengths, budget, overhead)
    assert sorted(i for g in groups for i in g.tolist()) == list(range(len(lengths)))
    assert all(len(g) == 1 or len(g) * lengths[g].max() <= budget for g in groups)
    longest = [int(lengths[g].max()) for g in groups]
    assert longest == sorted(longest, reverse=True)


def test_it_is_the_cheapest_way_to_cut_a_sorted_list():
    lengths = np.array([40, 12, 11, 11, 5, 3], dtype=np.int64)
    for overhead in (0, 10, 60, 1000):
        best = min(
            cost(np.split(np.arange(6), cuts), lengths, overhead)
            for n in range(6)
            for cuts in itertools.combinations(range(1, 6), n)
        )
        assert cost(plan(lengths, 10_000, overhead), lengths, overhead) == best
