"""JSON that a program has left in a file, read back from whatever stands there now."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

from cloudner.errors import InputError

# Of these files a tokenizer's vocabulary is the largest.
MOST = 1 << 28


def text_of(path: Path) -> str:
    """A text file as UTF-8. Raises OSError for what is no file, since a pipe or a device may never end, and ValueError for
    one larger than any such file, and for one that is not UTF-8."""
    if path.exists() and not path.is_file():
        code = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(code, "not a regular file" if code == errno.EINVAL else os.strerror(code), str(path))
    if (size := path.stat().st_size) > MOST:
        raise ValueError(f"{size:,} bytes, where {MOST:,} are more than any such file has")
    return path.read_text(encoding="utf8")


def json_of(text: str | bytes) -> Any:
    """Raises ValueError for what is no JSON, also where it is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error


def object_of(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises as `text_of` and `json_of` do, and ValueError for another kind of value."""
    value = json_of(text_of(path))
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} where a JSON object should be")
    return value


def check_kinds(folder: Path) -> None:
    """Raises InputError for a pipe, a socket or a device in a pipeline's folder, from which spaCy would read without end."""
    for place, _, names in os.walk(folder):
        for path in (Path(place) / name for name in names):
            try:
                kind = stat.S_IFMT(path.stat().st_mode)
            except OSError:  # a link to nothing, or in a ring, is no file: told where one is needed
                continue
            if kind not in (stat.S_IFREG, stat.S_IFDIR):
                raise InputError(
                    "neither a file nor a folder, but a pipe or a device",
                    file=str(path),
                    expected="the folder as training left it",
                )
