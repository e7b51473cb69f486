"""A target on a disk as long as a run works in it: many runs of one job may share it, one that deletes is alone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cloudner.bulk.store import Store
from cloudner.errors import InputError

LOCK = ".annotate.lock"


class InUse:
    """The lock of a run. Where there are no locks (object stores, some mounted disks, Windows) it holds nothing, and the
    plan's key in each piece tells jobs apart."""

    def __init__(self, store: Store) -> None:
        self._url = store.url
        self._path = Path(store.path(LOCK)) if store.local else None
        self._file = None if self._path is None else _opened(self._path)

    def take(self, *, alone: bool) -> None:
        """Without waiting. alone: no other run may have it; taken again with another `alone` it is changed to that.

        Raises InputError where another run is in the way.
        """
        while self._file is not None and self._path is not None:
            if not _locked(self._file, alone=alone):
                raise InputError(
                    "another run works in the target"
                    if alone
                    else "another run restarts the job in the target",
                    file=self._url,
                    expected="no other, where an earlier job is deleted",
                    fix="the same command once the other has ended, or another target",
                )
            if _is_at(self._file, self._path):
                return
            self._file.close()  # whoever had it last has removed it meanwhile
            self._file = _opened(self._path)

    def free(self) -> None:
        """Give it back; the last one to do so leaves no file."""
        if self._file is None or self._path is None:
            return
        if _locked(self._file, alone=True) and _is_at(self._file, self._path):
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._file.close()


@contextlib.contextmanager
def in_use(store: Store, *, alone: bool) -> Iterator[InUse]:
    """Holds the target; what was made for it and is empty at the end goes again. alone: where an earlier job is deleted.

    Raises InputError where another run is in the way.
    """
    made = _made(Path(store.root)) if store.local else []
    lock = InUse(store)
    try:
        lock.take(alone=alone)
        yield lock
    finally:
        lock.free()
        for folder in made:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()


def _made(folder: Path) -> list[Path]:
    """Makes it where it can be made; the folders that were not there, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return missing


def _opened(path: Path) -> IO[bytes] | None:
    if sys.platform == "win32":  # its locks have one holder
        return None
    try:
        return open(path, "ab+")
    except OSError:  # told with the first file that is written
        return None


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _locked(file: IO[bytes], *, alone: bool) -> bool:
    """The kernel frees the lock of a process that is killed."""
    if sys.platform == "win32":
        return True  # never asked
    import fcntl

    try:
        fcntl.flock(file.fileno(), (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a mounted disk that knows no locks
        return True
    return True
