"""A lock that a pipeline can carry: through pickle, copy and fork."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any


class PipelineLock:
    """A reentrant lock for what threads share through one pipeline.

    Pickled and copied it is a new, free lock. In a forked process it is free too: the thread that held it does not
    live there, and `nlp.pipe(n_process=2)` would wait for it for ever. So what it guards must be written in an order in
    which a half-done write is never read.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _EVERY.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return PipelineLock, ()


_EVERY: weakref.WeakSet[PipelineLock] = weakref.WeakSet()


def _free_all() -> None:
    for lock in list(_EVERY):
        lock._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
