"""Pipelines in an output folder: written aside and put in place, and one training at a time."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cloudner.atomic import put_in_place, remove, take_back, told_in_one_line
from cloudner.errors import InputError

BEST, LAST = "model-best", "model-last"


def put_folder(target: Path, write: Callable[[Path], None]) -> None:
    """`write` a folder beside `target` and put it in its place: see `cloudner.atomic.put_in_place`. Raises InputError where
    the disk is full; what stood at `target` is there still, and nothing beside it."""
    aside = target.with_name(f".{target.name}.new")  # one name: `one_training` lets one process in
    remove(aside)
    with told_in_one_line(target):
        try:
            write(aside)
            put_in_place(aside, target)
        finally:
            remove(aside)


def saver(nlp: Any, output: Path, settings: Any) -> Callable[[bool], None]:
    """Saves model-last and, where told, model-best."""
    from spacy.training.loop import create_before_to_disk_callback

    before_to_disk = create_before_to_disk_callback(settings["before_to_disk"])
    for name in (BEST, LAST):
        take_back(output / name)

    def write(folder: Path) -> None:
        with nlp.use_params(settings["optimizer"].averages):
            before_to_disk(nlp).to_disk(folder)

    def save(is_best: bool) -> None:
        put_folder(output / LAST, write)
        if is_best:
            put_folder(output / BEST, lambda folder: copy(output / LAST, folder))

    return save


# Weights are shared by the two folders where the disk can do that: a pipeline is put in place whole and never written
# into. Smaller files are copied, as people edit them.
_SHARED = 1 << 20


def copy(source: Path, target: Path) -> None:
    """Copy a pipeline's folder; large files are links where the disk has them."""
    shutil.copytree(source, target, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    if os.path.getsize(source) >= _SHARED:
        with suppress(OSError):  # another disk, or one that has no links
            os.link(source, target)
            return
    shutil.copy2(source, target)


# Random numbers, the log and standard output belong to the process: trainings in several threads take turns.
IN_TURN = threading.RLock()
_held = threading.local()


@contextmanager
def one_training(output: Path) -> Iterator[None]:
    """Raises InputError where another process or thread trains into `output`, or this user may not write there; a thread that
    holds it already goes on. The kernel frees the lock of a process that is killed. A folder in which nothing was written
    is taken away again."""
    held: set[Path] = vars(_held).setdefault("folders", set())
    folder = output.resolve()
    if folder in held:
        yield
        return
    with told_in_one_line(output):
        made = not output.exists()
        output.mkdir(parents=True, exist_ok=True)
        file = open(output / ".lock", "a+", encoding="utf8")  # noqa: SIM115
    with file:
        if not _locked(file):
            raise InputError(
                "another training writes into this folder", file=str(output), fix="--output another-folder"
            )
        held.add(folder)
        try:
            yield
        finally:
            held.discard(folder)
            with suppress(OSError):
                os.unlink(output / ".lock")
                if made:
                    output.rmdir()  # where it is empty


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
    except BlockingIOError:
        return False
    except OSError:  # a mounted bucket knows no locks
        return True
    return True
