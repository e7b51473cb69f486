"""Settings of a config that are read before spaCy compares them with what its functions take."""

from __future__ import annotations

from typing import Any

from cloudner.errors import ConfigError

_MOST = 10**9


def whole(value: Any, name: str, least: int) -> int:
    """A number of documents, layers, pieces or steps. Raises ConfigError for anything else, and for one under `least` or
    over a thousand million."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise ConfigError(f"{name} = {shown(value)}", expected=f"a whole number from {least}")
    return value


def word(value: Any, name: str, expected: str) -> Any:
    """A text, true, false or null. Raises ConfigError for a number, a list or a section."""
    if value is not None and not isinstance(value, (bool, str)):
        raise ConfigError(f"{name} = {shown(value)}", expected=expected)
    return value


def names(value: Any, name: str) -> list[str]:
    """A list of texts. Raises ConfigError for anything else."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{name} = {shown(value)}", expected="a list of names")
    return list(value)


def shown(value: Any) -> str:
    """The beginning of a value, for a message; of a number of thousands of digits, which Python does not print, what it is."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:60] + "…"
