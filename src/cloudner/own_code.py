"""A user's Python file whose functions a config or a pipeline names: the option `--code` of commands."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cloudner.errors import InputError

_EXPECTED = "Python code, as `spacy train --code` takes it"


def import_code(code: str | Path | None) -> None:
    """Run the file, which registers its functions in this process.

    Raises InputError for a file that is not there, or that raises as it is imported.
    """
    from spacy.util import import_file

    if code is None:
        return
    check_code(code)
    try:
        import_file("python_code", Path(code))
    except Exception as error:  # whatever the user's code raises
        raise InputError(
            f"{type(error).__name__}: {error}", file=str(code), expected="code that can be imported"
        ) from error


def check_code(code: str | Path) -> None:
    """Raises InputError for a file that is not there."""
    if not Path(code).is_file():
        raise InputError("no such file", file=str(code), expected=_EXPECTED)


def digest_of_code(code: str | Path) -> str:
    """SHA-256 of the file. Raises InputError where it cannot be read."""
    check_code(code)
    try:
        return hashlib.sha256(Path(code).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(error.strerror or str(error), file=str(code), expected=_EXPECTED) from error
