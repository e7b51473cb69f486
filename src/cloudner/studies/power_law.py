"""What more documents bring: a power law through the errors at growing shares of a corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudner.report.evaluation.significance import ratios

# Below this an error is taken for none: its logarithm would decide everything.
_LEAST = 1e-4


@dataclass(frozen=True)
class Expected:
    """What `documents` more are expected to bring in micro F1, 0 to 1: the middle and a 95 % interval of `gain`; f1: what
    is then reached. The interval has the chance of the evaluation's documents in it, not that of another training."""

    documents: int
    gain: float
    low: float
    high: float
    f1: float

    def to_dict(self) -> dict[str, float]:
        return {
            "documents": self.documents,
            "gain": self.gain,
            "low": self.low,
            "high": self.high,
            "f1": self.f1,
        }


def fitted_gain(documents: np.ndarray, f1: np.ndarray, more: int) -> np.ndarray:
    """The gain in F1 of `more` documents beyond the last size.

    documents: (sizes,), rising; f1: (..., sizes). The error 1 - F1 is taken to fall as b * n^-c (Hestness et al. 2017, Deep
    Learning Scaling is Predictable, Empirically; for NER it is near enough over a few doublings), fitted by least squares
    in logarithms; c is at least 0. Returns an array of shape (...).
    """
    x = np.log(documents.astype(float))
    y = np.log(np.maximum(1 - f1, _LEAST))
    centred = x - x.mean()
    slope = np.minimum((y * centred).sum(axis=-1) / (centred**2).sum(), 0.0)
    factor = (documents[-1] + more) / documents[-1]
    # From the last point as fitted, so that chance at one size does not count twice.
    error = np.exp(y.mean(axis=-1) + slope * (x[-1] - x.mean()))
    return np.clip(error, 0, 1) * (1 - factor**slope)


def expect(
    documents: list[int], counts: list[np.ndarray], more: int, *, rounds: int = 1000, seed: int = 0
) -> Expected:
    """counts: for each size (evaluated documents, 3) correct, predicted and gold; the same documents in the same order, so
    that a resample takes them for all sizes at once."""
    sizes = np.array(documents)
    table = np.stack(counts, axis=1).astype(float)  # (evaluated, sizes, 3)
    f1 = ratios(table.sum(axis=0))[:, 2]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(table), size=(rounds, len(table)))
    resampled = np.stack([ratios(table[rows].sum(axis=0))[:, 2] for rows in drawn])
    gains = fitted_gain(sizes, resampled, more)
    gain = float(fitted_gain(sizes, f1, more))
    low, high = np.quantile(gains, [0.025, 0.975])
    return Expected(more, gain, float(low), float(high), float(min(1.0, f1[-1] + gain)))
