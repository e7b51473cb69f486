"""Spans as people write them into a cell or a JSON value, made `SpanRecord`s; shared by the table and JSON formats."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.formats.keys import by_columns, label_key, offsets_of, surface_of
from cloudner.corpus.formats.label_or_text import is_number, which_is_text, words_first
from cloudner.corpus.formats.literals import NO_LITERAL, printed
from cloudner.errors import InputError

_COMPACT = re.compile(r"^\s*(-?\d+)\s*[:,\-]\s*(-?\d+)\s*[:,\-]\s*(\S.*)$")
MAX_OFFSET = 2**31  # a file read whole has no more bytes
SHAPES = '[[0, 5, "LABEL"]], [{"start": 0, "end": 5, "label": "LABEL"}] or 0:5:LABEL'


class Where:
    """The place of a value, for errors: file, line, what it is. text: the document's, where it tells spans apart."""

    def __init__(self, file: str, line: int, what: str, text: str = "") -> None:
        self.file, self.line, self.what, self.text = file, line, what, text

    def error(self, found: str, expected: str | None = SHAPES, fix: str | None = None) -> InputError:
        return InputError(f"{self.what}: {found}", file=self.file, line=self.line, expected=expected, fix=fix)


def short(value: Any, limit: int = 60) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= limit else text[: limit - 1] + "…"


def offset(value: Any, where: Where) -> int:
    """A character offset: an int, a whole float or digits. Raises InputError for anything else, negative ones too."""
    number: int | None = None
    if isinstance(value, bool):
        number = None
    elif isinstance(value, int):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,15}(\.0+)?\s*", value):
        number = int(float(value))
    if number is None:
        raise where.error(
            f"the offset {short(value)} is not a number", "whole numbers, counted in characters"
        )
    if number < 0:
        raise where.error(
            f"the offset {number} is negative", "offsets from 0", "count from the start of the text"
        )
    if number > MAX_OFFSET:
        raise where.error(
            f"the offset {number} is behind any text" if number < 10**15 else "an offset of too many digits",
            f"at most {MAX_OFFSET:,}",
        )
    return number


def label_of(value: Any, options: ReadOptions, where: Where) -> list[str]:
    """The label or labels in a value: a text, a number (looked up in `options.labels`), or a list of them."""
    if isinstance(value, (list, tuple)):
        return [label for item in value for label in label_of(item, options, where)]
    if isinstance(value, Mapping):
        key = label_key(value) or next((name for name in ("text", "value") if name in value), None)
        if key is not None:
            return label_of(value[key], options, where)
        raise where.error(f"no label in {short(value)}")
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return [""]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise where.error(f"the label {short(value)} is not a text")
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    text = text.strip()
    if len(text) > 2 and text[0] == text[-1] == '"':  # a label that was written as JSON twice
        text = text[1:-1]
    return [options.labels.get(text, text)]


def _text_first(item: Any, where: Where) -> bool | None:
    """In a list with offsets and two words, is the first of these the text of the span? None where nothing tells."""
    if not isinstance(item, Sequence) or len(item) not in (4, 5) or not isinstance(item[3], str):
        return None
    a, b, c, rest = item[:4]
    if isinstance(a, str) and not is_number(a):
        return None if is_number(rest) else _judged(a, rest, b, c, where)
    return _judged(c, rest, a, b, where) if isinstance(c, str) else None


def _judged(first: str, second: str, start: Any, end: Any, where: Where) -> bool | None:
    return which_is_text(first, second, offset(start, where), offset(end, where), where.text)


def span_of(
    item: Any, options: ReadOptions, where: Where, text_first: bool | None = None
) -> list[SpanRecord]:
    """The span, or one for each label, in a list of three or a mapping.

    text_first: in a list with two words, is the first the span's text? None: as `where.text` tells, else the usual order.
    """
    if isinstance(item, Mapping):
        pair, key = offsets_of(item), label_key(item)
        if pair is None or pair[0] is None or pair[1] is None:
            raise where.error(f"no start and end in {short(item)}")
        if key is None:
            raise where.error(f"no label in {short(item)}")
        first, last = offset(pair[0], where), offset(pair[1], where)
        if {"startPos", "endPos", "entity"} <= set(item):  # LUIS: the end is the last character
            last += 1
        stored = surface_of(item)
        if stored is None and where.text and item[key] == where.text[first:last]:
            raise where.error(f"no label in {short(item)}: {key!r} is the text")
        return [SpanRecord(first, last, label, stored) for label in label_of(item[key], options, where)]
    if isinstance(item, str):
        match = _COMPACT.match(item)
        if match:
            return [
                SpanRecord(
                    offset(match[1], where), offset(match[2], where), label_of(match[3], options, where)[0]
                )
            ]
        raise where.error(f"cannot read the span {short(item)}")
    if isinstance(item, Sequence) and len(item) in (3, 4, 5):
        item = [*item[2:], *item[:2]] if words_first(item) else item
        a, b, c = item[0], item[1], item[2]
        rest = item[3] if len(item) > 3 and isinstance(item[3], str) else None  # a text, or an id
        surface: str | None = None
        if text_first is None:
            text_first = _text_first(item, where)
        if isinstance(a, str) and not is_number(a):
            if rest is not None and not is_number(
                rest
            ):  # text, start, end, label; or label, start, end, text
                surface, label = (rest, a) if text_first is False else (a, rest)
                a, b, c = b, c, label
            else:  # label, start, end
                a, b, c = b, c, a
        elif rest is not None and isinstance(c, str):
            if text_first:  # start, end, text, label
                surface, c = c, rest
            elif text_first is False:  # start, end, label, text
                surface = rest
        return [
            SpanRecord(offset(a, where), offset(b, where), label, surface)
            for label in label_of(c, options, where)
        ]
    raise where.error(f"cannot read the span {short(item)}")


def spans_of(value: Any, options: ReadOptions, where: Where) -> list[SpanRecord]:
    """All spans in a value: a list, `{"entities": [...]}`, `{"PER": [[0, 5]]}` or None."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        for key in ("entities", "spans", "labels", "annotations"):
            if isinstance(value.get(key), (list, tuple)):
                return spans_of(value[key], options, where)
        if (rows := by_columns(value)) is not None:
            return spans_of(rows, options, where)
        if offsets_of(value) is not None:
            return span_of(value, options, where)
        if value and all(map(_is_pairs, value.values())):
            named = [(pair, label) for label, pairs in value.items() for pair in pairs]
            items = [{**p, "label": n} if isinstance(p, Mapping) else (*p, n) for p, n in named]
            return [span_of(item, options, where)[0] for item in items]
        if not value:
            return []
        raise where.error(f"cannot read the spans {short(dict(value))}")
    if isinstance(value, (str, bytes)):
        return parse_cell(str(value), options, where)
    if not isinstance(value, Sequence):
        raise where.error(f"cannot read the spans {short(value)}")
    if len(value) == 3 and isinstance(value[0], int) and isinstance(value[2], str):
        return span_of(value, options, where)  # one span that nobody put in a list
    if _by_length(value, where.text):
        value = [[a, a + size, label] for label, a, size in value]
    orders = [_text_first(item, where) for item in value]
    usual = True if True in orders and False not in orders else None  # so it is in all of the list
    return [
        span
        for item, order in zip(value, orders, strict=True)
        for span in span_of(item, options, where, usual if order is None else order)
    ]


def _by_length(value: Sequence[Any], text: str) -> bool:
    """Are these `[label, start, length]`? Where a third number is under its second, or only lengths end at words."""
    if (
        not value
        or not all(
            isinstance(s, (list, tuple))
            and len(s) == 3
            and isinstance(s[0], str)
            and type(s[1]) is int
            and type(s[2]) is int
            for s in value
        )
        or any(is_number(s[0]) for s in value)
    ):
        return False
    if any(size <= start for _, start, size in value if start):
        return all(size > 0 and start + size <= len(text) for _, start, size in value)
    return False


def _is_pairs(value: Any) -> bool:
    """Positions of one label: `[[0, 5]]` or, as GATE writes them, `[{"indices": [0, 5]}]`."""
    return isinstance(value, (list, tuple)) and all(
        label_key(pair) is None and offsets_of(pair) is not None
        if isinstance(pair, Mapping)
        else isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(x, int) for x in pair)
        for pair in value
    )


def is_spans(value: Any) -> bool:
    """Is this a value with at least one span: a list of them, or positions by label?"""
    if isinstance(value, Mapping):
        if isinstance(value.get("entities"), list):
            return is_spans(value["entities"])
        if (rows := by_columns(value)) is not None:
            return is_spans(rows)
        return bool(value) and all(map(_is_pairs, value.values())) and any(value.values())
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    if isinstance(first, Mapping):
        return offsets_of(first) is not None
    listed = isinstance(first, (list, tuple)) and len(first) >= 3
    return listed and (any(isinstance(x, int) for x in first[:2]) or words_first(first))


def parse_cell(cell: str, options: ReadOptions, where: Where) -> list[SpanRecord]:
    """The spans in a table's cell: JSON, a Python literal, or `start:end:LABEL` parted by `;`, `|`, `,` or a space."""
    cell = cell.strip()
    if not cell or cell.lower() in ("nan", "none", "null", "[]"):
        return []
    if cell[0] in "[{(":
        try:
            return spans_of(json.loads(cell), options, where)
        except json.JSONDecodeError as error:
            problem = f"not JSON ({error.msg} at character {error.pos + 1})"
        except ValueError:  # int refuses thousands of digits
            problem = "a number of too many digits"
        except RecursionError:
            problem = "nested too deeply"
        try:
            value = printed(cell)
        except NO_LITERAL:
            raise where.error(f"neither JSON nor a Python literal: {short(cell)}; {problem}") from None
        return spans_of(list(value) if isinstance(value, (set, tuple)) else value, options, where)
    parts = [part for part in re.split(r"[;|\n]", cell) if part.strip()]
    if len(parts) == 1 and not _COMPACT.match(cell):
        parts = [part for part in re.split(r"[\s,]+", cell) if part]
    elif len(parts) == 1 and len(re.findall(r"(?<!\d)\d+:\d+:", cell)) > 1:
        parts = [part for part in re.split(r"(?<![\s,])[\s,]+(?=\d+:\d+:)", cell) if part]
    return [span for part in parts for span in span_of(part, options, where)]


def looks_like_spans(cell: str) -> bool:
    """Could this cell hold spans (at least one)?"""
    try:
        return bool(parse_cell(cell, ReadOptions(), Where("", 0, "")))
    except InputError:
        return False


def text_and_spans(record: Record) -> tuple[str, list[SpanRecord]]:
    """A record as text with character spans, whichever way it holds its annotation (tags must be BIO or BILUO)."""
    if record.text is not None and (record.tokens is None or record.tags is None):
        return record.text, record.spans
    if record.text is not None and record.spans:
        return record.text, record.spans
    tokens, tags = record.tokens or [], record.tags or []
    spaces = record.spaces or [True] * len(tokens)
    starts, pieces, at = [], [], 0
    for index, (token, space) in enumerate(zip(tokens, spaces, strict=True)):
        starts.append(at)
        piece = token + " " * bool(space and index + 1 < len(tokens))
        pieces.append(piece)
        at += len(piece)
    text = "".join(pieces)
    spans: list[SpanRecord] = []
    open_label, open_start, end = "", 0, 0
    for index, tag in enumerate([*tags, None]):
        prefix, _, label = (tag or "O").partition("-")
        if open_label and not (prefix in ("I", "L", "E", "M") and label == open_label):
            spans.append(SpanRecord(open_start, end, open_label, text[open_start:end]))
            open_label = ""
        if label and not open_label:
            open_label, open_start = label, starts[index]
        if index < len(tokens):
            end = starts[index] + len(tokens[index])
    return text, spans
