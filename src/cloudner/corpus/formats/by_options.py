"""The format that the named columns of a file are in: options that are given decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudner.corpus.contract import ReadOptions, Sample
from cloudner.corpus.formats.json.objects import some_objects
from cloudner.corpus.formats.keys import SPANS
from cloudner.corpus.formats.spans import is_spans, looks_like_spans
from cloudner.corpus.formats.tables.csv_rows import find_column, tables


def by_options(sample: Sample, options: ReadOptions) -> tuple[str, str] | None:
    """The name of a format and the reason, where the options name columns that the sample has; else None."""
    pairs = (
        ("text", options.text_column, options.entities_column),
        ("token", options.token_column, options.tag_column),
    )
    for what, first, second in pairs:
        names = [str(name) for name in (first, second) if name is not None]
        if not names or any(name.lstrip("-").isdigit() for name in names):
            continue
        items = some_objects(sample)[:50]
        if items and all(any(name in item for item in items) for name in names):
            results = _of_objects(items, what, names)
        else:
            results = None if items else _of_table(sample, what, names)
        if results is not None:
            return results, f"{' and '.join(map(repr, names))}, as asked for"
    return None


def _of_objects(items: Sequence[Mapping[str, Any]], what: str, names: list[str]) -> str | None:
    if what == "token":
        return "hf-jsonl" if any(isinstance(item.get(names[0]), list) for item in items) else None
    if len(names) < 2 and not any(key in item for item in items for key in SPANS):
        return None
    if not any(isinstance(item.get(names[0]), str) for item in items):
        return None
    if len(names) < 2:
        return "jsonl" if any(is_spans(item.get(key)) for item in items for key in SPANS) else None
    values = [item.get(names[1]) for item in items if item.get(names[1])]
    return "jsonl" if not values or any(is_spans(v) or isinstance(v, str) for v in values) else "mentions"


def _of_table(sample: Sample, what: str, names: list[str]) -> str | None:
    for table in tables(sample):
        columns = [find_column(table.rows[0], [name]) for name in names]
        if None in columns:
            continue
        body = [row for row in table.rows[1:51] if len(row) == len(table.rows[0])]
        cells = [row[columns[-1] or 0].strip() for row in body]
        if what == "token":
            words = [row[columns[0] or 0].strip() for row in body]
            return (
                "tag-table"
                if any(" " in word or word[:1] == "[" != word for word in words)
                else "token-table"
            )
        second = columns[-1] if len(names) > 1 else find_column(table.rows[0], SPANS)
        if second is None:
            return None
        cells = [row[second].strip() for row in body]
        filled = [cell for cell in cells if cell not in ("", "[]", "{}")]
        spans = not filled or any(map(looks_like_spans, filled))
        return ("tsv" if table.delimiter == "\t" else "csv") if spans else "mention-table"
    return None
