"""Texts from lists, frames, rows and Docs, each with the number or name of its document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spacy.tokens import Doc

from cloudner.corpus.files.sources import is_many
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.handed import columns_of, is_frame, is_missing, rows_of
from cloudner.corpus.soundness import whole
from cloudner.errors import ConfigError, InputError

_EXPECTED = "texts, Docs, (id, text) pairs, rows with a text, or a pandas, polars or Arrow table"


def check_batch_size(value: int | None) -> None:
    """Raises ConfigError for a number of documents that spaCy would take none at a time by, or fail on."""
    if value is not None and value < 1:
        raise ConfigError(f"batch_size = {value}", expected="1 or more documents")


def documents_of(
    texts: Any, text_column: str | None = None, id_column: str | None = None
) -> Iterator[tuple[Any, str | Doc]]:
    """Pairs of a document's id and its text or Doc, one after another as they are asked for.

    The id is what `id_column` (or the first of a pair) says, else the number of the document from 0, or the index of a
    pandas frame. A text that is missing is empty. Raises InputError, with the document's number, for what is no text.
    """
    if isinstance(texts, (str, Doc)):
        texts = [texts]
    if is_frame(texts):
        yield from _of_frame(texts, text_column, id_column)
        return
    if isinstance(texts, (Mapping, bytes)) or not is_many(texts):
        raise InputError(f"texts of type {type(texts).__name__}", expected=_EXPECTED)
    index: Any = getattr(texts, "index", None) if hasattr(texts, "iloc") else None
    for number, each in enumerate(texts):
        item = each.as_py() if hasattr(each, "as_py") else each  # of an Arrow array
        if isinstance(item, Mapping):
            column = text_column or _column([str(key) for key in item])
            yield item.get(id_column, number) if id_column else number, _text(item.get(column), number)
        elif isinstance(item, tuple):
            if len(item) != 2:
                raise InputError(f"document {number}: a tuple of {len(item)}", expected="(id, text)")
            yield item[0], _text(item[1], number)
        else:
            yield number if index is None else index[number], _text(item, number)


def _of_frame(frame: Any, text_column: str | None, id_column: str | None) -> Iterator[tuple[Any, str | Doc]]:
    names = columns_of(frame)
    column = text_column or _column(names)
    for name in (column, id_column):
        if name is not None and name not in names:
            raise InputError(f"no column {name!r}", expected=f"one of {', '.join(map(repr, names))}")
    index = frame.index if hasattr(frame, "iloc") else None
    for number, row in enumerate(rows_of(frame)):
        key = row[id_column] if id_column is not None else number if index is None else index[number]
        yield key, _text(row[column], number)


def _column(names: list[str]) -> str:
    """The column of the texts by its name. Raises InputError where none has such a name."""
    by_lower = {name.lower(): name for name in reversed(names)}
    for name in TEXT:
        if name.lower() in by_lower:
            return by_lower[name.lower()]
    if len(names) == 1:
        return names[0]
    raise InputError(
        f"no column of texts among {', '.join(map(repr, names))}", fix='text_column="NAME"', expected="text"
    )


def _text(value: Any, number: int) -> str | Doc:
    if isinstance(value, Doc):
        return value
    if is_missing(value):
        return ""
    if not isinstance(value, str):
        raise InputError(f"document {number} is {type(value).__name__}: {value!r:.60}", expected=_EXPECTED)
    # numpy's and other kinds of text become Python's: spaCy takes no other.
    return whole(str.__str__(value), "document", number)
