"""JSON values one after the other, with the line each begins on: JSON lines, an array, or objects in a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json

from cloudner.corpus.contract import Sample, Source
from cloudner.corpus.files.encoding import decode_errors
from cloudner.corpus.formats.json.python_literals import peek_python, python_values
from cloudner.errors import InputError

_DECODER = json.JSONDecoder()
_BLOCK = 1 << 20
_SKIP = " \t\r\n,\ufeff"


class Peek(NamedTuple):
    """What the beginning of a JSON source holds.

    kind: `lines`, `array` or `object` (one tree, or pretty-printed objects), `python-lines` or `python` (the same as
    Python writes them). items: the first values, the last of them possibly cut short.
    """

    kind: str
    items: list[Any]


_last: tuple[str, Peek | None] = ("", None)


def peek(sample: Sample) -> Peek | None:
    """The first values of a sample that looks like JSON, or None. The last answer is remembered."""
    global _last
    if _last[0] is not sample.text:
        _last = (sample.text, _peek(sample) or _python(sample))
    return _last[1]


def _python(sample: Sample) -> Peek | None:
    found = peek_python(sample.text)
    return None if found is None else Peek(*found)


def _peek(sample: Sample) -> Peek | None:
    text = sample.text.lstrip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return None
    lines = [line for line in sample.lines[:200] if line.strip()]
    if text[0] == "{" or (len(lines) > 1 and text[0] == "[" and lines[0].rstrip()[-1:] == "]"):
        values = []
        for line in lines[:100]:
            try:
                values.append(json.loads(line))
            except (ValueError, RecursionError):
                break
        if values:
            return Peek("lines", values)
    try:
        if text[0] == "[" and (elements := _elements(text)):
            return Peek("array", elements)
        value = _DECODER.raw_decode(text)[0]
    except RecursionError:
        return None
    except ValueError:
        closed = _close(text[:SAMPLE_LIMIT])
        if closed is None:
            return None
        value = closed
    if isinstance(value, list):
        return Peek("array", value[:100])
    return Peek("object", [value])


SAMPLE_LIMIT = 64 * 1024
_DEEP = 200  # brackets within brackets; no export has so many


def _elements(text: str, most: int = 100) -> list[Any]:
    """The first whole elements of an array that may be cut."""
    found: list[Any] = []
    at = 1
    while len(found) < most:
        while text[at : at + 1] in _SKIP and at < len(text):
            at += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
    return found


def _close(text: str) -> Any:
    """The value a cut text begins, without what is cut in it; None where it is no JSON. For a look at the beginning only:
    it refuses lone surrogates, which JSON files have."""
    try:
        return from_json(text, allow_partial=True)
    except ValueError:
        return None


def values(source: Source) -> Iterator[tuple[int, Any]]:
    """Pairs of line number and value, read as a stream: an array gives its elements.

    Raises InputError for what is not JSON, naming the line.
    """
    sample = source.sample()
    seen = peek(sample)
    if seen is not None and seen.kind.startswith("python"):
        yield from python_values(source, seen.kind)
        return
    first = next((line for line in sample.lines if line.strip()), "").lstrip("\ufeff \t")
    if first[:1] not in ("{", "["):
        raise InputError(
            f"not JSON: it begins {first[:40]!r}",
            file=source.name,
            line=1,
            expected="{ or [ at the beginning",
        )
    try:
        json.loads(first)
        one_a_line = first.startswith("{") or len([line for line in sample.lines[:3] if line.strip()]) > 1
    except (ValueError, RecursionError):
        # A broken first line among good ones is JSON lines all the same.
        later = [line for line in sample.lines[1:4] if line.strip()]
        one_a_line = first.startswith("{") and bool(later) and all(_is_object(line) for line in later)
    if one_a_line:
        yield from _from_lines(source)
        return
    hidden = getattr(source, "hidden", ())
    yield from ((line, value) for line, value in _from_stream(source) if line not in hidden)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _from_lines(source: Source) -> Iterator[tuple[int, Any]]:
    for number, line in source.lines():
        if line and not line.isspace():
            try:
                yield number, json.loads(line)
            except RecursionError as error:
                raise _deep(source, number) from error
            except ValueError as error:
                raise InputError(
                    f"not JSON ({getattr(error, 'msg', error)} at character {getattr(error, 'pos', 0) + 1})",
                    file=source.name,
                    line=number,
                    expected="one JSON object a line",
                    fix=f"look at line {number}; a cut file can be copied again",
                ) from error


def _from_stream(source: Source) -> Iterator[tuple[int, Any]]:
    with (
        decode_errors(source.name, source.encoding, source.open_bytes),
        source.open_text(newline="") as stream,
    ):
        buffer, at, line = stream.read(_BLOCK), 0, 1
        want = _BLOCK
        depth = 0
        while True:
            begin = at
            while at < len(buffer) and (buffer[at] in _SKIP or (buffer[at] == "]" and depth)):
                depth -= buffer[at] == "]"
                at += 1
            line += buffer.count("\n", begin, at)
            if at >= len(buffer):
                buffer, at = stream.read(_BLOCK), 0
                if not buffer:
                    if depth:
                        raise _cut(source, line, "the end of the file inside a list")
                    return
                continue
            if depth == 0 and buffer[at] == "[" and line >= 1:
                depth, at = 1, at + 1
                continue
            try:
                value, end = _DECODER.raw_decode(buffer, at)
                # A number at the very end of the buffer may go on in the next block.
                if end == len(buffer) and (more := stream.read(want)):
                    buffer, at = buffer[at:] + more, 0
                    continue
            except RecursionError as error:
                raise _deep(source, line) from error
            except ValueError as error:
                more = stream.read(want)
                if not more:
                    bad = line + buffer.count("\n", at, getattr(error, "pos", at))
                    raise _cut(source, bad, getattr(error, "msg", str(error))) from error
                buffer, at = buffer[at:] + more, 0
                want *= 2
                continue
            want = _BLOCK
            yield line, value
            line += buffer.count("\n", at, end)
            at = end
            if at > _BLOCK:
                buffer, at = buffer[at:], 0


def _deep(source: Source, line: int) -> InputError:
    return InputError("nested too deeply", file=source.name, line=line, expected="an annotation export")


def _cut(source: Source, line: int, problem: str) -> InputError:
    return InputError(
        f"not JSON ({problem})",
        file=source.name,
        line=line,
        expected="a complete JSON file",
        fix=f"look at line {line}, or export the file again",
    )
