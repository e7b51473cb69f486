"""Processes that end with the one that started them, also where that was killed without a word (SIGKILL, out of memory).

Left alone, they would keep a port, a GPU or hundreds of megabytes until somebody finds them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

_SECONDS = 0.1  # between two looks at who the parent is


def end_with_parent(sends: signal.Signals = signal.SIGTERM, parent: int | None = None) -> None:
    """From now on: once the parent of this process has ended, a signal to itself, handled as if the parent had sent it.

    parent: its number, from whoever knows it; without it one that has ended before this call is not missed. Returns at once;
    a thread watches.
    """
    who = os.getppid() if parent is None else parent
    threading.Thread(target=_watch, args=(who, sends), name="parent", daemon=True).start()


def _watch(parent: int, sends: signal.Signals) -> None:
    started_by = multiprocessing.parent_process()
    if started_by is not None:
        started_by.join()  # its end of a pipe is closed: so on every system, and where it ended before this began
    else:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
    os.kill(os.getpid(), sends)
