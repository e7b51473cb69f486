"""Files and folders written beside their place and put there whole: a kill or a full disk leaves what was there before."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudner.errors import InputError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# Seconds without a change, after which what a process elsewhere was writing is no longer written.
_ABANDONED = 24 * 3600.0
_CLOCKS = 60.0  # seconds by which a file server's clock may differ


def beside(path: Path) -> Path:
    """Where to write what will stand at `path`: a name that nobody else is given, of this host, this process and this call."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")


@functools.cache
def _host() -> str:
    """Within which a process's number means one process: containers count theirs from 1, each for itself."""
    known = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux only
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(known).encode(errors="replace")).hexdigest()[:8]


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file to write; at the end of the block it stands at `path`, with the permissions of any new file. After an error
    there is what was there before. What is no file (/dev/stdout) is written to as it is. Raises InputError where the disk
    is full or the folder may not be written to."""
    path = Path(path)
    with told_in_one_line(path):
        if path.exists() and not path.is_file():
            yield path
            return
        path = path.resolve()  # a link stays a link
        remove_leftovers(path)
        aside = beside(path)
        mode = _new(aside)
        try:
            yield aside
            if stat.S_IMODE(aside.stat().st_mode) != mode:  # safetensors gives its files to their owner alone
                aside.chmod(mode)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


@contextlib.contextmanager
def told_in_one_line(path: Path) -> Iterator[None]:
    """Turns a disk that is full, gone or forbidden into one InputError."""
    try:
        yield
    except OSError as error:
        raise not_written(error, path) from error


def not_written(error: OSError, path: str | Path) -> InputError:
    """What to say where `path` could not be written."""
    if isinstance(error, shutil.Error) and error.args[0] and isinstance(error.args[0], list):
        _, _, why = error.args[0][-1]  # of the files of a folder that was copied
    else:
        why = error.strerror or str(error)
    expected, fix = "a place with room", "another output, or df -h"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        expected, fix = "a folder that this user may write to", "another output"
        why = "permission denied" if error.errno != errno.EROFS else why
    elif error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY):
        expected, fix = "a name that is free", "another output"
    return InputError(f"cannot be written: {why}", file=str(path), expected=expected, fix=fix)


def make_folder(path: Path) -> None:
    """A folder and those above it, where they are not there. Raises InputError where that cannot be."""
    with told_in_one_line(path):
        path.mkdir(parents=True, exist_ok=True)


def _new(path: Path) -> int:
    """Makes an empty file where there is none; its permissions, as the process's umask leaves them."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o666)
    try:
        return stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """UTF-8; lone surrogates, which UTF-8 cannot hold, as question marks."""
    write_bytes(path, text.encode("utf-8", errors="replace"))


def write_bytes(path: str | Path, data: bytes) -> None:
    with replacing(path) as aside:
        aside.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Indented; numbers that JSON does not have (NaN, infinity) as null, keys and values of other types as text."""
    write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    return str(value)


# -- folders ------------------------------------------------------------------------------------------------------


def put_in_place(aside: Path, target: Path) -> None:
    """Put a finished file or folder where another stands, or nothing. At any moment there is the old or the new one at
    `target`; where the system cannot exchange two names, the old one stands as `.NAME.previous` between two renames,
    from which `take_back` restores it."""
    take_back(target)
    if not target.exists() or (aside.is_file() and target.is_file()):
        os.replace(aside, target)
    elif exchange(aside, target):
        remove(aside)
    else:
        os.rename(target, _previous(target))
        os.rename(aside, target)
        remove(_previous(target))


def exchange(one: Path, other: Path) -> bool:
    """Give two files or folders each other's name, in one step; False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def take_back(target: Path) -> None:
    """After a kill between two renames: the old file or folder again where the new one never came, else no leftover."""
    if not target.name:  # the current folder, or a root: nothing is renamed to it
        return
    previous = _previous(target)
    if not os.path.lexists(previous):
        return
    if target.exists():
        remove(previous)
    else:
        with contextlib.suppress(OSError):  # another process may have been faster, or the folder be read-only
            os.rename(previous, target)


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what was left unfinished beside `path`: of processes of this host that no longer live, and, where it has not
    changed for a day, of other hosts and of versions that did not say which host."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(?:([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}|\d+)\.tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            match = pattern.fullmatch(name)
            if match and _left(path.parent / name, match[1], match[2]):
                remove(path.parent / name)


def _left(path: Path, host: str | None, process: str | None) -> bool:
    """Is nobody writing it any more? False where it is gone already."""
    import psutil

    try:
        changed = max(each.stat().st_mtime for each in (path, *(path.rglob("*") if path.is_dir() else ())))
    except OSError:
        return False
    if process is None or host != _host():
        return time.time() - changed > _ABANDONED
    try:
        # A number is given again, and a container's first process is always 1.
        return psutil.Process(int(process)).create_time() > changed + _CLOCKS
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
