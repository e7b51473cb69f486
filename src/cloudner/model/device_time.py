"""How long the device takes, by its own clock."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch

GAIN = 1.05  # how much faster than the plain way another must be to be used


class DeviceTimes:
    """Times of work on the current CUDA device, read when all of it is done."""

    def __init__(self) -> None:
        self._events: list[tuple[Any, Any]] = []

    def of(self, take: Callable[[], Any]) -> Any:
        """What `take` gives; its time is noted."""
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        made = take()
        end.record()
        self._events.append((begin, end))
        return made

    def median(self, *, skip: int = 0) -> float:
        """ms, without the first `skip`. Waits for the device."""
        torch.cuda.synchronize()
        return statistics.median(begin.elapsed_time(end) for begin, end in self._events[skip:])
