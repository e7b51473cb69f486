"""What Python hands over as a corpus (data frames, rows, tuples, Docs) as something that `convert` reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, DocBin
from spacy.training import Example

from cloudner.atomic import write_bytes
from cloudner.corpus.files.sources import is_many
from cloudner.corpus.formats.json.massive import is_massive
from cloudner.corpus.formats.keys import SPANS, TAGS, TEXT
from cloudner.errors import InputError

_TOKENS = ("tokens", "words", "tokenized_text")
_EXPECTED = (
    "files, folders, URLs, a pandas, polars or Arrow table, a data set of the datasets library, rows that are mappings, "
    "(text, spans) pairs, or Docs"
)


def as_sources(
    data: Any, aside: Path, *, text_column: str | None = None, entities_column: str | None = None
) -> Any:
    """`data` as `cloudner.convert` takes it: paths as they are, rows as mappings, all else written to a file.

    aside: a path without a suffix; Docs go to `aside`.spacy, a frame of scalars to `aside`.csv, where every layout of
    tables is known. Raises InputError for what is no corpus.
    """
    if isinstance(data, (str, os.PathLike)):
        return data
    if isinstance(data, (Doc, Example)):
        data = [data]
    if is_frame(data):
        if _is_rows(columns_of(data), text_column, entities_column):
            return _Rows(rows_of(data))
        return _as_csv(data, aside.with_suffix(".csv"))
    if isinstance(data, (Mapping, bytes)) or not is_many(data):
        raise InputError(f"a corpus of type {type(data).__name__}", expected=_EXPECTED)
    if hasattr(data, "features"):  # a data set knows the names of its numeric tags
        return data
    items = iter(data)
    first = next(items, None)
    if first is None:
        raise InputError("a corpus without a document", expected=_EXPECTED)
    every = chain([first], items)
    if isinstance(first, (Doc, Example)):
        return _as_docbin(every, aside.with_suffix(".spacy"))
    if isinstance(first, (tuple, list)):
        return _Rows(_pairs(every, text_column or "text", entities_column or "entities"))
    if isinstance(first, (str, os.PathLike)):
        return _checked_paths(list(every))
    if isinstance(first, Mapping):
        return _Rows(every)
    raise InputError(f"a corpus of {type(first).__name__}", expected=_EXPECTED)


def home_of(data: Any) -> str | None:
    """The library that data is of, or is derived from (a GeoDataFrame from pandas), without importing any."""
    homes = (kind.__module__.partition(".")[0] for kind in type(data).__mro__)
    return next((home for home in homes if home in ("pandas", "polars", "pyarrow", "datasets")), None)


def is_frame(data: Any) -> bool:
    """Is it a table of pandas, polars or Arrow?"""
    return home_of(data) in ("pandas", "polars", "pyarrow") and hasattr(type(data), "columns")


def columns_of(frame: Any) -> list[str]:
    """The names of a frame's columns; of a polars query that has not run, those that it will have."""
    names = frame.column_names if hasattr(frame, "column_names") else _collected(frame).columns
    return [str(name) for name in names]


def rows_of(frame: Any) -> Iterator[dict[str, Any]]:
    """The rows of a frame; missing values of pandas are None."""
    frame = _collected(frame)
    if hasattr(frame, "iter_rows"):
        yield from frame.iter_rows(named=True)
    elif hasattr(frame, "to_batches"):
        for batch in frame.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()
    elif hasattr(frame, "to_pylist"):  # a batch itself
        yield from frame.to_pylist()
    else:
        names = columns_of(frame)
        for values in frame.itertuples(index=False, name=None):
            yield {name: None if is_missing(v) else v for name, v in zip(names, values, strict=True)}


def is_missing(value: Any) -> bool:
    """NaN, NaT and pandas' NA: what is not equal to itself, or refuses to say."""
    if isinstance(value, (str, list, tuple, dict)) or getattr(value, "shape", ()) != ():
        return False
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _collected(frame: Any) -> Any:
    return frame.collect() if type(frame).__name__ == "LazyFrame" else frame


def _is_rows(columns: list[str], text_column: str | None, entities_column: str | None) -> bool:
    """Does a row hold a whole document: a text and its entities, or tokens and their tags?"""
    lower = {name.lower() for name in columns}
    if (text_column is not None and entities_column is not None) or is_massive(dict.fromkeys(columns, "")):
        return True
    named = {name.lower() for name in (*SPANS, *TAGS)}
    tokens = any(name in lower for name in _TOKENS)
    texts = text_column is not None or any(name.lower() in lower for name in TEXT)
    return bool(lower & named) and (tokens or texts) and "start" not in lower


def _as_csv(frame: Any, path: Path) -> str:
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns_of(frame))
    for row in rows_of(frame):
        writer.writerow(["" if value is None else value for value in row.values()])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, out.getvalue().encode("utf-8", "surrogatepass"))
    return str(path)


def _as_docbin(docs: Iterable[Any], path: Path) -> str:
    """A file of the Docs, in the order they have; of their `user_data` "meta" alone is kept."""
    kept = DocBin(store_user_data=True)
    for number, each in enumerate(docs, start=1):
        doc = each.reference if isinstance(each, Example) else each
        if not isinstance(doc, Doc):
            raise InputError(
                f"document {number} is {type(doc).__name__}", expected="Docs or Examples throughout"
            )
        before, doc.user_data = doc.user_data, {k: v for k, v in doc.user_data.items() if k == "meta"}
        try:
            kept.add(doc)
        finally:
            doc.user_data = before
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, kept.to_bytes())
    return str(path)


def _pairs(items: Iterable[Any], text: str, entities: str) -> Iterator[dict[str, Any]]:
    """spaCy's training tuples and their like as rows, under the names that are asked for."""
    for number, item in enumerate(items, start=1):
        if not (isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], str)):
            raise InputError(
                f"item {number} is no (text, spans) pair: {item!r:.80}",
                expected='("Ada moved to Turin.", [(0, 3, "PER")])',
            )
        spans = item[1]
        further: dict[str, Any] = {}  # told by the reader, where it holds spans
        if isinstance(spans, Mapping):
            keys = [key for key in ("entities", "spans", "labels") if key in spans]
            further = {key: spans[key] for key in keys[1:]}
            spans = spans[keys[0]] if keys else None
            if not keys:  # spaCy's sign for a text that nobody has annotated for entities
                further = {"complete": False}
        yield {
            text: item[0],
            entities: None if spans is None else [_triple(span) for span in spans],
            **further,
        }


def _triple(span: Any) -> Any:
    """A spaCy Span as offsets; all else as it is."""
    if hasattr(span, "start_char"):
        return [span.start_char, span.end_char, span.label_]
    return span


def _checked_paths(paths: list[Any]) -> list[str | os.PathLike[str]]:
    """Raises InputError for texts in the place of files."""
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise InputError(f"a path of type {type(path).__name__}", expected="paths throughout")
        if isinstance(path, str) and ("\n" in path or len(path) > 1000):
            raise InputError(
                f"a text where a file was expected: {path[:60]!r}",
                expected="paths, or texts with their spans",
                fix="[(text, spans), ...]",
            )
    return paths


class _Rows:
    """Rows that are read once, as an iterable of mappings."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._rows)


def splits_of(data: Any) -> dict[str, Any]:
    """The parts of a DatasetDict or of another mapping by the names train, dev and test; empty for a single corpus."""
    if not isinstance(data, Mapping):
        return {}
    names = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test"}
    found = {names[str(key)]: value for key, value in data.items() if str(key) in names}
    if "train" not in found:
        raise InputError(
            f"a mapping with {', '.join(map(repr, list(data)[:5]))}",
            expected="one with the key train",
            fix=_EXPECTED,
        )
    return found
