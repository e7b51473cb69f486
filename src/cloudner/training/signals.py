"""A training that is asked to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):  # noqa: N818, it is no error
    """A signal asked the training to stop, and it did so between two steps. step: the last one taken."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step


@contextmanager
def stop_signal(*numbers: int) -> Iterator[threading.Event]:
    """An event that these signals set, SIGTERM if none is named: a spot machine that is taken, a scheduler that ends the
    job."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {
        number: signal.signal(number, lambda number, frame: event.set())
        for number in numbers or (signal.SIGTERM,)
    }
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
