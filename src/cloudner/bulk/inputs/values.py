"""Values of a document's columns: which can be a text, an id, and of which type a column of the target is."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

from cloudner.bulk.contract import Options, Record
from cloudner.bulk.inputs.lines import clean, unsound

KINDS = {
    "bool": "bool_",
    "int": "int64",
    "float": "float64",
    "text": "string",
}  # and pyarrow's names for them


def record(name: str, number: int, values: Mapping[str, Any], options: Options, encoding: str) -> Record:
    """A record of an object or a row by its columns. name, number: the file, and the record's number in it."""
    given = values.get(options.id_column) if options.id_column else None
    kept = {column: values.get(column) for column in options.columns}
    text, problem = text_of(values, options.text_column, encoding)
    return Record(identity(name, number, given), text, problem, kept)


def identity(name: str, number: int, given: Any) -> str:
    """A document's id: what its source gives; FILE:NUMBER where that is nothing, in CSV an empty cell."""
    return f"{name}:{number}" if given is None or given == "" else as_text(given)


def text_of(values: Mapping[str, Any], column: str, encoding: str = "utf-8") -> tuple[str | None, str | None]:
    """(text, None), or (None, why there is none)."""
    if column not in values:
        return None, f"no {column!r}; there is {', '.join(map(repr, list(values)[:8])) or 'nothing'}"
    text = values[column]
    if text is None:
        return None, f"{column!r} is null"
    if not isinstance(text, str):
        return None, f"{column!r} is {type(text).__name__}, not a text"
    problem = unsound(text, encoding)
    return (None, problem) if problem else (text, None)


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return clean(value) if isinstance(value, str) else dumps(value)


def dumps(value: Any) -> str:
    """JSON; NaN and infinity, which JSON does not have, as null; times in ISO format, bytes in base64."""
    try:
        return clean(json.dumps(value, ensure_ascii=False, allow_nan=False, default=_other))
    except ValueError:
        return clean(json.dumps(_finite(value), ensure_ascii=False, default=_other))


def _other(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if hasattr(value, "tolist"):  # numpy
        return _finite(value.tolist())
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Kinds:
    """The kinds of the values that columns are seen to have."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.of: dict[str, str | None] = dict.fromkeys(columns)

    def see(self, values: Mapping[str, Any]) -> None:
        for column in self.of:
            if (value := values.get(column)) is not None:
                self.of[column] = _merged(self.of[column], _kind(value))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "text"
    return "float" if isinstance(value, float) else "text"


def _merged(one: str | None, other: str) -> str:
    if one is None or one == other:
        return other
    return "float" if {one, other} == {"int", "float"} else "text"
