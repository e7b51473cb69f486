"""Where exported encoders are kept: a cache folder outside the pipeline, one folder per export."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

# Exports kept; the one used longest ago goes first. The embedded encoder's is 59 MB (int8) or 90 MB (fp32).
KEPT = 8
_MANIFEST = "files.json"
_ABANDONED = 24 * 3600.0  # seconds after which an unfinished export is no longer being written


def cache_folder() -> Path:
    """$CLOUDNER_CACHE, else `cloudner` in the platform's cache folder of this user."""
    asked = os.environ.get("CLOUDNER_CACHE")
    if asked:
        return Path(asked).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("cloudner", appauthor=False, opinion=False)


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
    the cache folder cannot be written, and whatever `make` raises.
    """
    root = cache_folder()
    folder = root / name
    if _whole(folder):
        os.utime(folder)  # used now
        return folder
    root.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root))
    try:
        make(made)
        sums = {path.name: _checksum(path) for path in sorted(made.iterdir())}
        (made / _MANIFEST).write_text(json.dumps(sums, indent=2), encoding="utf8")
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


def _whole(folder: Path) -> bool:
    """Are the files those that were written? A truncated file of weights, mapped into memory, would end the
    process."""
    try:
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
