"""The user's cache folder, and encoders kept in it: each is written once, aside, and put in place whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cloudner.atomic import told_in_one_line

_MANIFEST = "files.json"
_UNFINISHED = ".unfinished-"
_ABANDONED = 24 * 3600.0  # seconds after which an unfinished folder is no longer being written


def cache_folder() -> Path:
    """$CLOUDNER_CACHE, else `cloudner` in the platform's cache folder of this user."""
    asked = os.environ.get("CLOUDNER_CACHE")
    if asked:
        return Path(asked).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("cloudner", appauthor=False, opinion=False)


def kept_encoder(name: str) -> Path | None:
    """The folder of the encoder kept under this name, or None where it is not there or not whole."""
    folder = cache_folder() / "encoders" / name
    return folder if _whole(folder) else None


def keep_encoder(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of the encoder kept under this name, made by `make(folder)` where it is not there.

    Several processes may ask at once: each writes a folder of its own, and the first that is done is taken. Raises
    InputError where the cache cannot be written, and what `make` raises; nothing is left behind then.
    """
    folder = cache_folder() / "encoders" / name
    if _whole(folder):
        return folder
    with told_in_one_line(folder.parent):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder.parent)
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        try:
            make(made)
            _write_manifest(made)
            _put(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def _put(made: Path, folder: Path) -> None:
    if not _whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        made.rename(folder)
    except OSError:
        if not _whole(folder):  # else another process was faster
            raise


def _write_manifest(folder: Path) -> None:
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}  # fmt: skip
    (folder / _MANIFEST).write_text(json.dumps(sizes, indent=2), encoding="utf-8")


def _whole(folder: Path) -> bool:
    """Has every file the size it was written with? A truncated file of weights, mapped into memory, would end the
    process."""
    try:
        sizes = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sweep(root: Path) -> None:
    """Remove what processes that were killed have left."""
    for path in root.glob(f"{_UNFINISHED}*"):
        try:
            old = time.time() - path.stat().st_mtime > _ABANDONED
        except OSError:  # another process has just removed it
            continue
        if old:
            shutil.rmtree(path, ignore_errors=True)
