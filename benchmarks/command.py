"""What every benchmark's command shares: device, threads, what is printed, the command as its results show it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def choose_device(wanted: str) -> str:
    from cloudner.loading import choose_device as choose

    return choose(wanted)


def cores() -> int:
    from cloudner.hardware.machine.cpu import usable_cpus

    return max(1, int(usable_cpus(None)))


def shown_command(arguments: Sequence[str]) -> str:
    """The command as typed, absolute paths cut to their last name."""
    shown = [Path(a).name if Path(a).is_absolute() else a for a in arguments]
    return " ".join(["python -m", *shown])


def say(text: str) -> None:
    print(text, flush=True)
