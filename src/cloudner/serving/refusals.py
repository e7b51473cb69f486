"""What a client is told of a body or a line that has another form than expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudner.errors import printable

# What each key takes, as a client is told; pydantic would tell it by the names of its types.
_MODEL, _THRESHOLD = "a name of /v1/models", "a number from 0 to 1"
REQUEST = {"text": "a text or a list of texts", "model": _MODEL, "threshold": _THRESHOLD}
LINE = {"text": "a text", "id": "a text or a number", "model": _MODEL, "threshold": _THRESHOLD}
_MOST = 3  # errors told at once


def told(errors: Iterable[Mapping[str, Any]], keys: Mapping[str, str]) -> str:
    """One line about pydantic's errors, without a value of the request and with at most the name of a key.

    keys: those that are expected, the most important first, and what each takes; may be empty.
    """
    said = dict.fromkeys(_told(error, keys) for error in errors)  # each part of a union has its own error
    if unknown := [each for each in said if each.endswith(_UNKNOWN)]:
        known = ", ".join(f"`{key}` ({what})" for key, what in keys.items())
        said = dict.fromkeys([*(each for each in said if each not in unknown), *unknown])
        return _line([*list(said)[: _MOST - 1], f"expected {known}"] if known else list(said)[:_MOST])
    return _line(list(said)[:_MOST])


def of_parsing(error: BaseException | None) -> str:
    """Why a body is not even JSON, from what its parser raised."""
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    return "the body is not JSON"


_UNKNOWN = ": no such key"


def _told(error: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    kind, message = error["type"], str(error["msg"])
    place = [str(part) for part in error["loc"] if part != "body"]
    if kind == "json_invalid":
        if not place:  # pydantic's message has the place in it
            return f"not JSON: {message.removeprefix('Invalid JSON: ')[:200]}"
        return f"the body is not JSON: {error.get('ctx', {}).get('error', message)} at character {place[0]}"
    if not place:
        first = next(iter(keys), "")
        return f"expected an object with `{first}`: {keys[first]}" if keys else "expected an object"
    name = place[0][:80]
    if kind == "extra_forbidden":
        return name + _UNKNOWN
    if kind == "missing":
        return f"{name}: missing; expected {keys[name]}" if name in keys else f"{name}: missing"
    if name in keys:
        number = next((part for part in place[1:] if part.isdigit()), None)
        return f"{name}: expected {keys[name]}" if number is None else f"{name} {number}: expected a text"
    return f"{'.'.join(place)[:80]}: {message}"


def _line(said: list[str]) -> str:
    line = printable("; ".join(said))
    return line.encode("utf-8", "replace").decode("utf-8")  # a key may be half of a surrogate pair
