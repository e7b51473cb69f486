"""Pipelines in an output folder: written aside and put in place, and one training at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cloudner.errors import InputError


def put_folder(target: Path, write: Callable[[Path], None]) -> None:
    """`write` a folder beside `target` and put it in its place. A kill at any moment leaves the old or the new one, under
    `target` or, between two renames, the old one as `.NAME.previous`, which `take_back` restores."""
    aside, previous = _beside(target, "new"), _beside(target, "previous")
    shutil.rmtree(aside, ignore_errors=True)
    take_back(target)
    write(aside)
    if target.exists():
        target.rename(previous)
    aside.rename(target)
    shutil.rmtree(previous, ignore_errors=True)


def take_back(target: Path) -> None:
    """After a kill: the old folder again where the new one was never put in place, and no leftovers."""
    previous = _beside(target, "previous")
    if previous.exists():
        if target.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            previous.rename(target)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}")


@contextmanager
def one_training(output: Path) -> Iterator[None]:
    """Raises InputError where another process trains into `output`. The kernel frees the lock of a process that is killed."""
    output.mkdir(parents=True, exist_ok=True)
    with open(output / ".lock", "a+", encoding="utf8") as file:
        if not _locked(file):
            raise InputError(
                "another training writes into this folder", file=str(output), fix="--output another-folder"
            )
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(output / ".lock")


def _locked(file: object) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
