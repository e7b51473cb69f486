"""The errors cloudner raises for what a user handed it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_LONGEST = 1000  # characters of what was found that an error shows


def printable(text: str) -> str:
    """A text as one line for a terminal: line ends are spaces, other control characters are escaped (`\\x1b`).

    What a file holds may otherwise move the cursor, clear the screen or change the terminal's title.
    """
    if text.isprintable():
        return text
    return "".join(
        " " if char in "\n\r\t" else char if not _is_control(char) else ascii(char)[1:-1] for char in text
    )


def first_line(error: BaseException) -> str:
    """What an error of a library says first, at most 160 characters, cut between words; its type where it says nothing."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if len(line) <= 160:
        return line
    return (line[:157].rpartition(" ")[0] or line[:157]) + "..."


def _is_control(char: str) -> bool:
    """Control characters, line ends of Unicode, those that turn the direction of what follows, and halves of a surrogate pair,
    which no stream can write."""
    return (
        char < " "
        or "\x7f" <= char <= "\x9f"
        or "\u2028" <= char <= "\u202e"
        or "\u2066" <= char <= "\u2069"
        or "\ud800" <= char <= "\udfff"
    )


class CloudnerError(ValueError):
    """Bad input, described in one line: where, what was found, what was expected, what to type.

    Every part but `found` may be left out. `str(error)` is one line.
    """

    def __init__(
        self,
        found: str,
        *,
        file: str | None = None,
        line: int | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.found, self.file, self.line, self.expected, self.fix = found, file, line, expected, fix
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        parts = [where + (found if len(found) <= _LONGEST else found[:_LONGEST] + "…")]
        if expected:
            parts.append(f"expected {expected}")
        if fix:
            parts.append(f"try: {fix}")
        super().__init__(printable("; ".join(parts)))


class InputError(CloudnerError):
    """A file, record or corpus that cannot be used as it is."""


class ConfigError(CloudnerError):
    """A setting that cannot work."""


class DeviceError(CloudnerError):
    """A device that was asked for and does not work."""


class NonFiniteLossError(CloudnerError, ArithmeticError):
    """Training produced inf or NaN; no weight was changed by that step."""


def of_kind(
    given: Any, kinds: type | tuple[type, ...], what: str, expected: str, fix: str | None = None
) -> None:
    """Raises InputError for an argument of another kind: Python would name an attribute that it has not."""
    if not isinstance(given, kinds):
        raise InputError(f"{what} of type {type(given).__name__}", expected=expected, fix=fix)


def path_of(given: Any, what: str = "an output") -> Path:
    """An argument as a path. Raises InputError for what is none."""
    of_kind(given, (str, os.PathLike), what, "a path")
    return Path(given)


class RankError(CloudnerError):
    """Another process of a training over several has failed, has ended, or does not agree."""
