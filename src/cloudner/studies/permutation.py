"""Is a ratio over one set of documents another than over a second? A permutation test, and many such tests at once."""

from __future__ import annotations

import numpy as np


def permutation_p(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    *,
    rounds: int = 2000,
    seed: int = 0,
) -> np.ndarray:
    """Probabilities of a difference of two ratios at least as large, either way, if the documents were exchangeable.

    first, second: (counts, weights) of the documents of a side, each (documents, measures); a ratio is the sum of counts
    over the sum of weights. Documents, not entities, change sides: those of one document share its topic. Returns
    (measures,): (r + 1) / (rounds + 1) with r the rounds whose difference is at least the observed one (Phipson and Smyth
    2010, Permutation P-values Should Never Be Zero); 1.0 where one side has no weight.
    """
    counts, weights = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    measures, total, size = counts.shape[1], len(counts), len(first[0])
    table = np.concatenate([counts, weights], axis=1)
    whole = table.sum(axis=0)
    observed = np.abs(_difference(np.concatenate([first[0], first[1]], axis=1).sum(axis=0), whole, measures))
    rng = np.random.default_rng(seed)
    extreme = np.zeros(measures)
    step = max(1, 4_000_000 // total)
    for start in range(0, rounds, step):
        rows = min(step, rounds - start)
        sides = np.zeros((rows, total))
        np.put_along_axis(
            sides, rng.random((rows, total)).argpartition(size - 1, axis=1)[:, :size], 1.0, axis=1
        )
        differences = np.abs(_difference(sides @ table, whole, measures))
        # Equal differences come out of different sums, hence the tolerance.
        extreme += (differences >= observed - 1e-12).sum(axis=0)
    empty = (first[1].sum(axis=0) == 0) | (second[1].sum(axis=0) == 0)
    return np.where(empty, 1.0, (extreme + 1) / (rounds + 1))


def _difference(side: np.ndarray, whole: np.ndarray, measures: int) -> np.ndarray:
    """The ratios of a side less those of the other; 0 where one of them has no weight. side: (..., 2 * measures) sums of
    counts and weights."""
    rest = whole - side
    safe = (side[..., measures:] > 0) & (rest[..., measures:] > 0)
    inside, outside = (
        np.divide(s[..., :measures], s[..., measures:], out=np.zeros(safe.shape), where=safe)
        for s in (side, rest)
    )
    return inside - outside


def holm(p_values: list[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
