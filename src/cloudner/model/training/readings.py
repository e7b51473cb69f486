"""The results of a step that was launched on a GPU (norm, flags, losses), and when the host reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch


class Reading(NamedTuple):
    """The results that a step launched on a GPU will have.

    values: (5 + losses,) float32 on the host, once `ready`: norm, 1 if it was left out, 1 if it may not go on, overflows in
    a row, and the losses. losses: where each goes, and whether it is added.
    """

    values: torch.Tensor
    ready: Any
    losses: list[tuple[dict[str, Any], str, bool]]
    docs: Sequence[Any]
    learn_rate: float


class Readings:
    """Losses and facts of steps on their way to the host.

    late: what a step has to say is read once the next one is launched, and a loss is left out of `losses` until then, so
    that there is a number at any time.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.late = False
        self._losses: list[tuple[dict[str, Any], str, torch.Tensor, bool]] = []
        self._unread: list[Reading] = []

    def __len__(self) -> int:
        return len(self._unread)

    def add_loss(self, losses: dict[str, Any], name: str, loss: torch.Tensor) -> None:
        """Add a loss to `losses[name]`. One that lies on a GPU is a tensor there until its step is read."""
        if loss.device.type == "cpu":
            losses[name] += float(loss)
        elif self.late:
            self._losses.append((losses, name, loss, True))
        else:
            losses[name] = losses[name] + loss
            self._losses.append((losses, name, losses[name], False))

    def launch(self, facts: torch.Tensor, docs: Sequence[Any], learn_rate: float) -> None:
        """Copy a step's facts (4,) and the losses since the one before to the host, without a wait."""
        losses = [
            entry for entry in self._losses if entry[3] or isinstance(entry[0].get(entry[1]), torch.Tensor)
        ]
        self._losses = []
        values = torch.cat([facts, torch.stack([e[2].float() for e in losses])]) if losses else facts
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        host.copy_(values, non_blocking=True)
        ready = torch.cuda.current_stream(self.device).record_event()
        where = [(into, name, added) for into, name, _, added in losses]
        self._unread.append(Reading(host, ready, where, docs, learn_rate))

    def next(self) -> tuple[Reading, list[float]]:
        """The oldest that is unread, and its facts; waits for its step. Its losses are numbers from now on."""
        reading = self._unread.pop(0)
        reading.ready.synchronize()
        (*facts,) = reading.values[:4].tolist()
        for (into, name, added), value in zip(reading.losses, reading.values[4:].tolist(), strict=True):
            into[name] = into[name] + value if added else value
        return reading, facts

    def forget(self) -> int:
        """Drop what is unread; how many steps that were."""
        count = len(self._unread)
        self._unread.clear()
        return count

    def read_losses(self) -> None:
        """Read the losses of updates that no step followed."""
        left, self._losses = self._losses, []
        for into, name, loss, added in left:
            if added:
                into[name] += float(loss)
            elif isinstance(into.get(name), torch.Tensor):
                into[name] = float(loss)
