"""The error of a step whose gradients are not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudner.errors import NonFiniteLossError
from cloudner.model.training.scaler import MOST_OVERFLOWS


def non_finite(
    step: int, norm: float, learn_rate: float, docs: Sequence[Any], precision: str
) -> NonFiniteLossError:
    """step: from 0. docs: of the step, for the message."""
    texts = "; ".join(repr(doc.text[:60]) for doc in docs[:3])
    half = precision == "fp16"
    reason = f"fp16 overflowed {MOST_OVERFLOWS} times in a row" if half else f"the gradient's norm is {norm}"
    advice = 'mixed_precision = "bf16" or "fp32", or ' if half else ""
    return NonFiniteLossError(
        f"step {step}: {reason} at learning rate {learn_rate:g}, batch texts {texts}; no weight was changed",
        expected="finite numbers",
        fix=f"{advice}a lower learn_rate or a longer warmup",
    )
