"""What a faster way of computing a pass is measured by: loss and gradients beside the plain pass's, and time.

All passes are over one micro-batch of the run. Losses and gradients are compared without dropout, times are taken with it.
Gradients, training mode and random numbers are as before when it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cloudner.model.device_time import DeviceTimes

Take = Callable[[], torch.Tensor]  # a pass: its loss, on the device

# Largest relative difference (norm of the difference over the norm) of gradients: sums in another order, and in
# another shape, round differently in each layer.
TOLERANCE = {"fp32": 5e-3, "bf16": 5e-2, "fp16": 2e-2}
TIMED = 3


class Proof:
    """step: a `TrainingStep` without gradients; drop: the head's dropout in training; plain: the plain pass."""

    def __init__(self, step: Any, drop: float, plain: Take) -> None:
        self.step, self.drop = step, drop
        with self._without_dropout():
            self._loss = float(plain())
            self._gradients = [p.grad.clone() if p.grad is not None else None for p in step.parameters]
            step.drop()

    @property
    def tolerance(self) -> float:
        return TOLERANCE[self.step.precision]

    def difference(self, take: Take, gradients: list[torch.Tensor] | None = None) -> float:
        """Of the loss or of all gradients, whichever is larger. gradients: where `take` leaves them, if not with the
        parameters."""
        with self._without_dropout():
            loss = float(take())
            made = gradients if gradients is not None else [p.grad for p in self.step.parameters]
            apart = max(_relative(self._gradients, made), abs(loss - self._loss) / max(abs(self._loss), 1e-6))
            self.step.drop()
        return apart

    def timed(self, take: Take) -> tuple[float, bool]:
        """(ms of a pass: the median of three after one, did two passes draw different dropout)."""
        self._train()
        losses, times = [], DeviceTimes()
        for _ in range(TIMED + 1):
            losses.append(times.of(take))
            self.step.drop()
        drawn = len({float(loss) for loss in losses}) > 1
        return times.median(skip=1), drawn

    def _train(self) -> None:
        self.step.network.train()
        self.step.network.head.dropout.p = self.drop

    @contextmanager
    def _without_dropout(self) -> Iterator[None]:
        self.step.network.eval()
        self.step.network.head.dropout.p = 0.0
        try:
            yield
        finally:
            self._train()

    def has_dropout(self) -> bool:
        network = self.step.network
        return self.drop > 0 or any(m.p > 0 for m in network.modules() if isinstance(m, torch.nn.Dropout))


@contextmanager
def restored(step: Any, drop: float) -> Iterator[None]:
    """Within it passes may be taken; afterwards state, gradients and random numbers are as they were."""
    state = torch.cuda.get_rng_state(step.device)
    try:
        yield
    finally:
        step.network.train()
        step.network.head.dropout.p = drop
        step.drop()
        torch.cuda.set_rng_state(state, step.device)


def _relative(expected: list[torch.Tensor | None], values: list[Any]) -> float:
    """Norm of the difference over the norm, over all gradients; None is zeros."""
    apart, norm = 0.0, 0.0
    for one, other in zip(expected, values, strict=True):
        if one is None and other is None:
            continue
        reference = torch.zeros_like(other) if one is None else one
        found = torch.zeros_like(reference) if other is None else other
        apart += float((reference.double() - found.double()).square().sum())
        norm += float(reference.double().square().sum())
    return (apart / norm) ** 0.5 if norm else apart**0.5


def refuse_waits(take: Take) -> None:
    """Run a pass; raise where it waits for the device, which a capture would not survive."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        take()
    finally:
        torch.cuda.set_sync_debug_mode(before)
