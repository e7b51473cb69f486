"""How far a score can be trusted: bootstrap intervals, and tests for the difference of two models.

Documents, not entities, are resampled: entities of one document share its topic and its mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

METRICS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Interval:
    """Bounds of a score, 0 to 1; `level` is the share of resamples between them."""

    low: float
    high: float
    level: float = 0.95

    def to_dict(self) -> dict[str, float]:
        return {"low": self.low, "high": self.high, "level": self.level}


@dataclass(frozen=True)
class Comparison:
    """Two models on the same documents.

    difference: micro F1 of the first minus that of the second.
    p_value: probability of a difference at least as large (either way) if the two models were interchangeable.
    interval: paired bootstrap interval of the difference.
    wins: share of bootstrap resamples in which the first model is better.
    differing: documents in which the two models' counts differ; only these carry information.
    """

    f1: tuple[float, float]
    difference: float
    p_value: float
    interval: Interval
    wins: float
    documents: int
    differing: int
    rounds: int

    def to_dict(self) -> dict[str, object]:
        return {
            "f1": list(self.f1),
            "difference": self.difference,
            "p_value": self.p_value,
            "interval": self.interval.to_dict(),
            "wins": self.wins,
            "documents": self.documents,
            "differing": self.differing,
            "rounds": self.rounds,
        }


def ratios(counts: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 from (..., 3) counts of correct, predicted and gold; same leading shape."""
    correct, predicted, gold = (counts[..., i].astype(np.float64) for i in range(3))
    precision = np.divide(correct, predicted, out=np.zeros_like(correct), where=predicted > 0)
    recall = np.divide(correct, gold, out=np.zeros_like(correct), where=gold > 0)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(correct), where=total > 0)
    return np.stack([precision, recall, f1], axis=-1)


def bootstrap_intervals(
    counts: np.ndarray, *, rounds: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[dict[str, Interval], list[dict[str, Interval]]]:
    """Percentile bootstrap over documents (Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13).

    counts: (documents, labels, 3) of correct, predicted, gold. Returns the intervals of the micro scores and, for
    each label, of its own; each a dict over "precision", "recall", "f1".
    """
    documents, labels, _ = counts.shape
    if not documents:
        nothing = dict.fromkeys(METRICS, Interval(0.0, 0.0, level))
        return nothing, [dict(nothing) for _ in range(labels)]
    flat = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1).reshape(documents, -1)
    totals = _resample(flat, rounds, seed).reshape(rounds, labels + 1, 3)
    tail = (1 - level) / 2
    low, high = np.quantile(ratios(totals), [tail, 1 - tail], axis=0)
    intervals = [
        {metric: Interval(float(low[i, m]), float(high[i, m]), level) for m, metric in enumerate(METRICS)}
        for i in range(labels + 1)
    ]
    return intervals[-1], intervals[:-1]


def compare(
    first: np.ndarray, second: np.ndarray, *, rounds: int = 10_000, seed: int = 0, level: float = 0.95
) -> Comparison:
    """Is the difference in micro F1 of two models more than chance?

    first, second: (documents, labels, 3) or (documents, 3) counts of the same documents in the same order.
    The p value is that of approximate randomisation (Noreen 1989, Computer-Intensive Methods for Testing
    Hypotheses; for F1 by Yeh 2000, More accurate tests for the statistical significance of result differences):
    each document's two results change places with probability 1/2; p = (r + 1) / (rounds + 1) with r the rounds
    whose difference is at least the observed one. Interval and `wins` are those of the paired bootstrap
    (Berg-Kirkpatrick et al. 2012, An Empirical Investigation of Statistical Significance in NLP).
    """
    if first.shape[0] != second.shape[0]:
        raise ValueError(
            f"cannot compare {first.shape[0]} documents with {second.shape[0]}: they must be the same"
        )
    one, two = (c.sum(axis=1) if c.ndim == 3 else c for c in (first, second))
    documents = one.shape[0]
    f1 = float(ratios(one.sum(axis=0))[2]), float(ratios(two.sum(axis=0))[2])
    observed = f1[0] - f1[1]
    change = two - one
    change = change[np.any(change != 0, axis=1)]
    p_value = 1.0
    if len(change):
        # What document by document moves from the second total to the first when the two change places.
        moved = np.concatenate(list(_swaps(change, rounds, seed)))
        swapped = ratios(one.sum(axis=0) + moved)[:, 2] - ratios(two.sum(axis=0) - moved)[:, 2]
        # Equal differences come out of different sums, hence the tolerance.
        extreme = int(np.count_nonzero(np.abs(swapped) >= abs(observed) - 1e-12))
        p_value = (extreme + 1) / (rounds + 1)
    if documents:
        boot = min(rounds, 2000)
        totals = _resample(np.concatenate([one, two], axis=1), boot, seed + 1)
        differences = ratios(totals[:, :3])[:, 2] - ratios(totals[:, 3:])[:, 2]
        tail = (1 - level) / 2
        low, high = np.quantile(differences, [tail, 1 - tail])
        wins = float(np.mean(differences > 0))
    else:
        low = high = wins = 0.0
    interval = Interval(float(low), float(high), level)
    return Comparison(f1, observed, p_value, interval, wins, documents, len(change), rounds)


def _resample(flat: np.ndarray, rounds: int, seed: int) -> np.ndarray:
    """Column sums of `rounds` draws with replacement of the rows of `flat` (documents, n): (rounds, n)."""
    rng = np.random.default_rng(seed)
    documents = flat.shape[0]
    flat = flat.astype(np.float64)  # sums stay exact far beyond any corpus and go through BLAS
    totals = np.empty((rounds, flat.shape[1]))
    for i in range(rounds):
        drawn = np.bincount(rng.integers(0, documents, documents), minlength=documents)
        totals[i] = drawn @ flat
    return totals


def _swaps(change: np.ndarray, rounds: int, seed: int) -> Sequence[np.ndarray]:
    rng = np.random.default_rng(seed)
    documents = len(change)
    change = change.astype(np.float64)
    chunk = max(1, 8_000_000 // documents)
    parts = []
    for start in range(0, rounds, chunk):
        rows = min(chunk, rounds - start)
        width = (documents + 7) // 8
        bits = np.frombuffer(rng.bytes(rows * width), dtype=np.uint8).reshape(rows, width)
        swap = np.unpackbits(bits, axis=1, count=documents)
        parts.append(swap.astype(np.float64) @ change)
    return parts
