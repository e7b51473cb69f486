"""Where exported encoders are kept: a cache folder outside the pipeline, one folder per export."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from cloudner.encoders.cache import cache_folder
from cloudner.errors import ConfigError

# Exports kept; the one used longest ago goes first. The embedded encoder's is 59 MB (int8) or 90 MB (fp32).
KEPT = 8
_MANIFEST = "files.json"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ABANDONED = 24 * 3600.0  # seconds after which an unfinished export is no longer being written


def export_key(module: torch.nn.Module, facts: Mapping[str, Any]) -> str:
    """The name of an export: 32 hexadecimal digits of the SHA-256 of all weights and of `facts` (configuration,
    versions, precision), so that whatever changes it changes the name too."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name, made by `make(folder)` where it is not there or its files are not what was written.

    It is written under a temporary name and renamed, so other processes see all of it or none. Raises OSError where
    the cache folder cannot be written, ConfigError where others may put files into it, and whatever `make` raises.
    """
    root = cache_folder()
    folder = root / name
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close_to_others(root)
    if _whole(folder):
        with contextlib.suppress(PermissionError):  # an image's own, made by root
            os.utime(folder)  # used now
        return folder
    made = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root))
    try:
        make(made)
        sums = {path.name: _checksum(path) for path in sorted(made.iterdir())}
        (made / _MANIFEST).write_text(json.dumps(sums, indent=2), encoding="utf8")
        for path in made.iterdir():  # whatever the umask is
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS_WRITE)
        if not _whole(folder):  # another process may have been faster
            shutil.rmtree(folder, ignore_errors=True)
            try:
                made.rename(folder)
            except OSError:
                if not _whole(folder):
                    raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _prune(root, folder)
    return folder


def forget(folder: Path) -> None:
    """Remove an export that cannot be loaded, so that `cached` makes it anew."""
    shutil.rmtree(folder, ignore_errors=True)


def _close_to_others(root: Path) -> None:
    """An export is a program that the library runs: nobody else may put one here. A folder of ours is closed to others;
    raises ConfigError for one of somebody else's that is open, but for a shared one in which each owns what is theirs
    (the sticky bit, as /tmp has it)."""
    if not hasattr(os, "geteuid"):
        return
    state = root.stat()
    if not state.st_mode & _OTHERS_WRITE or state.st_mode & stat.S_ISVTX:
        return
    if state.st_uid != os.geteuid():
        raise ConfigError(
            f"others may write to the cache folder {root}, from which exported encoders are run",
            expected="a folder of this user that nobody else may write to",
            fix="CLOUDNER_CACHE=~/.cache/cloudner",
        )
    root.chmod(stat.S_IMODE(state.st_mode) & ~_OTHERS_WRITE)


def _ours(path: Path) -> bool:
    """Does it belong to this user or to root, and can nobody else write to it?"""
    if not hasattr(os, "geteuid"):
        return True
    state = path.lstat()
    return state.st_uid in {os.geteuid(), 0} and not state.st_mode & _OTHERS_WRITE


def _whole(folder: Path) -> bool:
    """Are the files ours, and those that were written? A truncated file of weights, mapped into memory, would end the
    process."""
    try:
        if not (_ours(folder) and all(_ours(path) for path in folder.iterdir())):
            return False
        sums = json.loads((folder / _MANIFEST).read_text(encoding="utf8"))
        return bool(sums) and all(_checksum(folder / Path(name).name) == sum_ for name, sum_ in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _prune(root: Path, current: Path) -> None:
    finished = []
    for path in root.iterdir():
        try:
            age = time.time() - path.stat().st_mtime
        except OSError:
            continue  # another process has just removed it
        if path.name.startswith(".unfinished-") and age > _ABANDONED:
            shutil.rmtree(path, ignore_errors=True)
        elif path != current and (path / _MANIFEST).is_file():
            finished.append((age, path))
    for _, path in sorted(finished)[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
