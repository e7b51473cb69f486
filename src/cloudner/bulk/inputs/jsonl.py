"""JSON lines, one object a document, and plain text, one line a document or one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloudner.bulk.contract import InputFile, Options, Part, Record
from cloudner.bulk.inputs.lines import MAX_LINE, TOO_LONG, Line, decoded, lines, unsound
from cloudner.bulk.inputs.opening import bytes_source
from cloudner.bulk.inputs.values import Kinds, record
from cloudner.errors import InputError

_LOOKED_AT = 100  # objects of which one must have the text


def check_jsonl(file: InputFile, options: Options) -> None:
    """Raises InputError where none of the first objects has the text, or a column that is to be kept."""
    seen: dict[str, None] = {}
    for number, line in enumerate(_filled(file)):
        if number == _LOOKED_AT:
            break
        values, _ = _object(line, file.encoding)
        seen.update(dict.fromkeys(values))
    for column in (options.text_column, *options.columns, *filter(None, [options.id_column])):
        if seen and column not in seen:
            raise missing(file, column, list(seen), options)


def missing(file: InputFile, column: str, there: list[str], options: Options) -> InputError:
    """The error for a column that a source does not have."""
    option = {options.text_column: "--text-column", options.id_column: "--id-column"}.get(column, "--columns")
    return InputError(
        f"no column {column!r}",
        file=file.name,
        expected=f"one of {', '.join(there[:20])}",
        fix=f"{option} NAME",
    )


def marks(file: InputFile, options: Options, kinds: Kinds | None) -> Iterator[tuple[int, int]]:
    """(offset, lines before) of each record. kinds: told of every object's values, where types are asked for."""
    if file.format == "text" and options.text_unit == "file":
        yield 0, 0
        return
    for line in _filled(file):
        if kinds is not None and file.format == "jsonl":
            kinds.see(_object(line, file.encoding)[0])
        yield line.offset, line.number - 1


def records(file: InputFile, part: Part, options: Options) -> Iterator[Record]:
    """The documents of a part."""
    if file.format == "text" and options.text_unit == "file":
        yield _whole(file, options)
        return
    for line in _first(part.rows, _filled(file, part.offset, part.line)):
        if file.format == "jsonl":
            values, problem = _object(line, file.encoding)
            made = record(file.name, line.number, values, options, file.encoding)
            yield made._replace(text=None, problem=problem) if problem else made
        else:
            yield _plain(f"{file.name}:{line.number}", line.raw, file.encoding, options)


def _whole(file: InputFile, options: Options) -> Record:
    if not file.size:
        return _plain(file.name, b"", file.encoding, options)
    with bytes_source(file).open_bytes() as stream:
        raw = stream.read(MAX_LINE + 1)
    if len(raw) > MAX_LINE:
        return Record(file.name, None, f"a file of more than {MAX_LINE:,} bytes")
    return _plain(file.name, raw.removeprefix(b"\xef\xbb\xbf"), file.encoding, options)


def _plain(identity: str, raw: bytes | None, encoding: str, options: Options) -> Record:
    if raw is None:
        return Record(identity, None, TOO_LONG)
    text = decoded(raw, encoding).removesuffix("\r")
    problem = unsound(text, encoding)
    values = {name: text for name in options.columns if name == options.text_column and not problem}
    return Record(identity, None if problem else text, problem, values)


def _filled(file: InputFile, offset: int = 0, number: int = 0) -> Iterator[Line]:
    """The lines that hold something."""
    return (line for line in lines(file, offset, number) if line.raw is None or line.raw.strip())


def _first(count: int, found: Iterator[Line]) -> Iterator[Line]:
    for _ in range(count):
        line = next(found, None)
        if line is None:
            return
        yield line


def _object(line: Line, encoding: str) -> tuple[dict[str, Any], str | None]:
    """(values, None), or ({}, why there are none)."""
    if line.raw is None:
        return {}, TOO_LONG
    try:
        found = json.loads(decoded(line.raw, encoding))
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {str(error) or type(error).__name__}"
    if not isinstance(found, dict):
        return {}, f"JSON, but {type(found).__name__} and no object"
    return found, None
