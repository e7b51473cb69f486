"""Does a confidence of 0.8 mean right in 8 cases of 10? Measures of it, and the temperature that improves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cloudner.report.evaluation.spans import ScoredDocument

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Bin:
    """Predictions whose confidence lies in (low, high]; `confidence` and `accuracy` are means over them."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float

    def to_dict(self) -> dict[str, float]:
        return {
            "low": self.low,
            "high": self.high,
            "count": self.count,
            "confidence": self.confidence,
            "accuracy": self.accuracy,
        }


@dataclass(frozen=True)
class Reliability:
    """How well confidences match the share of right predictions.

    ece: expected calibration error, the mean of |accuracy - confidence| over bins, weighted by their counts.
    max_error: the largest such gap. brier: mean squared distance of confidence from 0 (wrong) or 1 (right).
    """

    ece: float
    max_error: float
    brier: float
    count: int
    bins: list[Bin]

    @property
    def ece_by_chance(self) -> float:
        """The error that perfectly calibrated confidences show on average over so many predictions: below it, an ece
        says nothing. All predictions of a bin are taken to have its mean confidence."""
        if not self.count:
            return 0.0
        return sum(_mean_deviation(one.count, one.confidence) for one in self.bins) / self.count

    def to_dict(self) -> dict[str, Any]:
        return {
            "ece": self.ece,
            "ece_by_chance": self.ece_by_chance,
            "max_error": self.max_error,
            "brier": self.brier,
            "count": self.count,
            "bins": [one.to_dict() for one in self.bins],
        }


def _mean_deviation(n: int, p: float) -> float:
    """E|K - n p| of a binomial K, by De Moivre's formula (Diaconis and Zabell 1991, Closed Form Summation for Classical
    Distributions)."""
    if not 0 < p < 1:
        return 0.0
    m = min(math.floor(n * p) + 1, n)
    choose = math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1)
    return 2 * m * math.exp(choose + m * math.log(p) + (n - m + 1) * math.log1p(-p))


def expected_calibration_error(confidence: Any, correct: Any, *, bins: int = 10) -> Reliability:
    """Expected calibration error over `bins` bins.

    confidence: (n,) numbers in [0, 1]; correct: (n,) booleans. Bins are (i/bins, (i+1)/bins], zero in the first
    one, after Naeini, Cooper and Hauskrecht 2015 (Obtaining Well Calibrated Probabilities Using Bayesian Binning)
    and Guo et al. 2017 (On Calibration of Modern Neural Networks), eq. 3. Raises ValueError for unequal lengths or
    numbers outside [0, 1].
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    correct = np.asarray(correct, dtype=np.float64)
    if confidence.shape != correct.shape or confidence.ndim != 1:
        raise ValueError(
            f"confidence {confidence.shape} and correct {correct.shape} must be two equal vectors"
        )
    if not len(confidence):
        return Reliability(0.0, 0.0, 0.0, 0, [])
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError("a confidence lies outside 0 to 1")
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    counts = np.bincount(index, minlength=len(edges) - 1)
    sums = np.bincount(index, weights=confidence, minlength=len(edges) - 1)
    hits = np.bincount(index, weights=correct, minlength=len(edges) - 1)
    filled = [
        Bin(float(edges[i]), float(edges[i + 1]), int(n), float(sums[i] / n), float(hits[i] / n))
        for i, n in enumerate(counts)
        if n
    ]
    gaps = [abs(one.accuracy - one.confidence) for one in filled]
    ece = sum(one.count * gap for one, gap in zip(filled, gaps, strict=True)) / len(confidence)
    brier = float(np.mean((confidence - correct) ** 2))
    return Reliability(ece, max(gaps), brier, len(confidence), filled)


def reliability_of(documents: Iterable[ScoredDocument], *, bins: int = 10) -> Reliability | None:
    """Reliability of all predicted entities that have a confidence; None where none has."""
    confidence, correct = [], []
    for document in documents:
        for value, right in zip(document.confidence, document.correct, strict=True):
            if value is not None:
                confidence.append(value)
                correct.append(right)
    return expected_calibration_error(confidence, correct, bins=bins) if confidence else None


def fit_temperature(
    loss: Callable[[float], float], *, low: float = 0.05, high: float = 20.0, tolerance: float = 1e-3
) -> float:
    """The temperature T in [low, high] that minimises `loss(T)`, to a relative `tolerance`.

    loss: the negative log-likelihood of the held-out gold data with emissions divided by T (Guo et al. 2017,
    section 4.2). For a softmax, and for a linear chain normalised by forward-backward, it is convex in 1/T: a
    log-partition function minus a linear term. Along log T it therefore has a single valley, and golden-section
    search (Kiefer 1953, Sequential minimax search for a maximum) finds it without derivatives: about 20
    evaluations for the defaults.

    A loss that is not finite counts as larger than any other. Raises ValueError for bounds that are no interval
    or when no evaluation is finite.
    """
    if not 0 < low < high:
        raise ValueError(f"temperature bounds must be 0 < low < high, not {low} and {high}")

    def at(x: float) -> float:
        value = float(loss(math.exp(x)))
        return value if math.isfinite(value) else math.inf

    a, b = math.log(low), math.log(high)
    x, y = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    fx, fy = at(x), at(y)
    while b - a > tolerance:
        # Where neither is finite, the valley lies towards higher temperatures: overflow comes from low ones.
        if fx <= fy and math.isfinite(fx):
            b, y, fy = y, x, fx
            x = b - _GOLDEN * (b - a)
            fx = at(x)
        else:
            a, x, fx = x, y, fy
            y = a + _GOLDEN * (b - a)
            fy = at(y)
    if not math.isfinite(min(fx, fy)):
        raise ValueError("the loss is finite at no temperature")
    return math.exp(x if fx <= fy else y)
