"""Cores that other processes use too: how threads wait for each other, and how many cores are left.

torch's threads meet at a barrier hundreds of times a step. Those of libgomp spin there, so that a partner whose core is
taken keeps all of them at full load doing nothing: one busy core of two made training seven times slower. The library
reads how long to spin when it is loaded, with torch: later it is too late.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

# Threads wait asleep, after so many rounds of looking: long enough for partners that are about to arrive.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"}
# Whoever has set one of these has decided. The last is of the OpenMP of Intel and LLVM.
_DECIDED = (*WAITING, "KMP_BLOCKTIME")
_RESTARTED = "CLOUDNER_RESTARTED"


def waiting_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to set; none where the user has set one of them, or there is one thread, which waits for nobody."""
    if any(name in environment for name in _DECIDED) or environment.get("OMP_NUM_THREADS", "").strip() == "1":
        return {}
    return dict(WAITING)


def set_waiting() -> None:
    """For this process and those it starts, where torch is not loaded yet."""
    if "torch" not in sys.modules:
        os.environ.update(waiting_settings(os.environ))


def restart_arguments(
    main: Any, original: list[str], environment: Mapping[str, str], torch_loaded: bool
) -> list[str] | None:
    """The command that starts this process again with `waiting_settings`, or None where it must not, or need not.

    Only `python -m spacy`, whose process is a command's alone and has loaded torch before ours is called: not a test, a
    notebook, a server or a worker of torchrun, in which the command is one call among others.
    """
    spec = getattr(main, "__spec__", None)
    if getattr(spec, "name", None) != "spacy.__main__" or not torch_loaded or not original:
        return None
    if _RESTARTED in environment or any(n in environment for n in ("TORCHELASTIC_RUN_ID", "LOCAL_RANK")):
        return None
    if not waiting_settings(environment):
        return None
    return [sys.executable, *original[1:]]


def restart() -> None:
    """Start this process again, once, so that its threads wait as `WAITING` says. Returns where that is not due."""
    command = restart_arguments(
        sys.modules.get("__main__"), sys.orig_argv, os.environ, "torch" in sys.modules
    )
    if command is None:
        return
    environment = {**os.environ, **WAITING, _RESTARTED: "1"}
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # exec would give the terminal back while the command still runs
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], command, environment)


class CoreWatch:
    """How busy other processes keep the cores, from its making on."""

    def __init__(self) -> None:
        self._before = _times()

    def others(self) -> float:
        """Cores that other processes have kept busy on average; 0.0 for less than a fiftieth of a second."""
        wall, busy, own = (after - before for after, before in zip(_times(), self._before, strict=True))
        return max(0.0, (busy - own) / wall) if wall >= 0.02 else 0.0

    def told(self, threads: int) -> str | None:
        """One line where what others use leaves fewer cores than `threads`, else None."""
        others, cores = self.others(), os.cpu_count() or 1
        if others < 0.5 or others + threads <= cores:
            return None
        fewer = max(1, int(cores - others))
        advice = f" OMP_NUM_THREADS={fewer} may be faster." if fewer < threads else ""
        return (
            f"Other processes keep {others:.1f} of {cores} cores busy: work on the CPU takes longer.{advice}"
        )


def busy_now(seconds: float = 0.25) -> str | None:
    """`CoreWatch.told` of the next `seconds`, for as many threads as OMP_NUM_THREADS says, else as there are cores."""
    watch = CoreWatch()
    time.sleep(seconds)
    wanted = os.environ.get("OMP_NUM_THREADS", "").strip()
    return watch.told(int(wanted) if wanted.isdecimal() and int(wanted) else os.cpu_count() or 1)


def _times() -> tuple[float, float, float]:
    """Seconds: the clock, all cores' work, this process's work."""
    import psutil

    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # guest time is counted in user already
    busy = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    own = os.times()
    return time.perf_counter(), busy, own.user + own.system + own.children_user + own.children_system
