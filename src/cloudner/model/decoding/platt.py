"""The last step from the probability of a span under the model to a confidence: Platt scaling.

A temperature makes the probabilities of tags right. Those of whole entities, which are products over several tokens and belong
to the spans that were chosen because they are likely, remain too high or too low; two numbers put that right (Platt, 1999,
Probabilistic outputs for support vector machines): confidence = sigmoid(slope * logit(probability) + bias).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Strength of the prior that the probabilities are right as they are, as of so many entities at a logit of about 1.
_PRIOR = 20.0
_NARROW = 1e-6  # logits stay finite
_LEAST_SLOPE = 0.1


class Platt(NamedTuple):
    """(1, 0) leaves probabilities as they are."""

    slope: float = 1.0
    bias: float = 0.0

    def __call__(self, probability: np.ndarray) -> np.ndarray:
        """Confidences, float64, in the order of the probabilities."""
        if self == (1.0, 0.0):
            return probability
        return 1 / (1 + np.exp(-(self.slope * _logit(probability) + self.bias)))

    def probability_at(self, confidence: float) -> float:
        """The probability whose confidence this is."""
        if self == (1.0, 0.0) or not 0 < confidence < 1:
            return confidence
        return float(1 / (1 + np.exp(-(_logit(confidence) - self.bias) / self.slope)))


def fit_platt(probability: np.ndarray, right: np.ndarray) -> Platt:
    """The most probable slope and bias for entities found with these probabilities, of which these are right: the likelihood
    times a normal prior around (1, 0), so that few entities move them little. (1, 0) where the slope would be below 0.1.

    probability: (entities,) in [0, 1]. right: (entities,) bool.
    """
    if not len(probability):
        return Platt()
    x = np.stack([_logit(probability), np.ones(len(probability))], axis=1)
    start = at = np.array([1.0, 0.0])
    for _ in range(50):  # Newton's method; the loss is strictly convex
        p = 1 / (1 + np.exp(-x @ at))
        gradient = x.T @ (p - right) + _PRIOR * (at - start)
        hessian = (x.T * (p * (1 - p))) @ x + _PRIOR * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        at = at - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    if not (np.isfinite(at).all() and at[0] >= _LEAST_SLOPE):
        return Platt()
    return Platt(round(float(at[0]), 6), round(float(at[1]), 6))


def _logit(probability: Any) -> Any:
    p = np.clip(np.asarray(probability, dtype=np.float64), _NARROW, 1 - _NARROW)
    return np.log(p / (1 - p))
