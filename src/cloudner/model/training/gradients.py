"""Arithmetic on gradients: sums of lists some of which are missing, and clipping by the norm of all together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def laid_out(gradient: Any, parameter: torch.Tensor) -> Any:
    """The gradient in memory as its parameter is, as `backward()` would leave it: the fused AdamW of a CPU reads both
    from front to back whatever their strides, and that of CUDA refuses them."""
    if gradient is None or gradient.is_sparse or gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def added(gradients: Sequence[Any], others: Sequence[Any]) -> tuple[Any, ...]:
    """Sums, where None is 0; `others` may be fewer."""
    padded = [*others, *[None] * (len(gradients) - len(others))]
    pairs = zip(gradients, padded, strict=True)
    return tuple(a if b is None else b if a is None else a.add_(b) for a, b in pairs)


def clipped(divisor: Any, norm: Any, most: float) -> Any:
    """What gradients are divided by so that their norm is at most `most` (0: no limit). divisor: what they are divided by
    anyhow; norm: of what that leaves. Numbers, or tensors on a device."""
    if not most:
        return divisor
    return (
        divisor * (norm / most).clamp_min(1.0)
        if isinstance(norm, torch.Tensor)
        else divisor * max(norm / most, 1.0)
    )
