"""Rows that are objects in memory or come from a stream, such as a data set of the `datasets` library."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from cloudner.corpus.contract import ReadOptions, Record
from cloudner.corpus.files.sources import as_paths, is_many, is_table
from cloudner.corpus.formats.huggingface.class_names import Names, class_names
from cloudner.corpus.formats.huggingface.rows import records_of_rows
from cloudner.errors import ConfigError, InputError


class RowSource:
    """An iterable of mappings as a source: `line` of its records is the number of the row, from 1.

    names: the label names of numeric tags by column, where the data set says them. Rows are read once and not kept.
    """

    name = "rows"  # as it is told to the user in errors and issues
    size: int | None = None
    disk_position = 0

    def __init__(self, rows: Iterable[Any], names: Names | None = None) -> None:
        self._rows, self._names = rows, names

    def __str__(self) -> str:
        return self.name

    def records(self, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError, with the row's number, for a row without tokens and tags or text and entities, and for
        a stream that breaks off."""
        number = 0

        def mappings() -> Iterator[tuple[int, Mapping[str, Any]]]:
            nonlocal number
            for number, row in enumerate(self._rows, start=1):
                if not isinstance(row, Mapping):
                    raise InputError(
                        f"a row that is {type(row).__name__}",
                        file=self.name,
                        line=number,
                        expected="a mapping with tokens and ner_tags",
                    )
                yield number, {key: _plain(value) for key, value in row.items()}

        try:
            yield from records_of_rows(mappings(), self._names, self.name, options)
        except OSError as error:  # of the stream; told here, since the writer has its own
            raise InputError(
                f"no more rows came after row {number}: {error}", file=self.name, fix="convert again"
            ) from error


def _plain(value: Any) -> Any:
    """Python's own numbers and lists for those of numpy and torch, at any depth: `set_format` makes data sets give these, and
    offsets come out of frames as such."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else [*map(_plain, value)]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def find_rows(sources: Any) -> str | os.PathLike[str] | list[str | os.PathLike[str]] | RowSource:
    """The rows behind `sources` when its first item is a mapping, or else its paths.

    Label names come from the `features` of a data set. Raises ConfigError for what is neither.
    """
    if isinstance(sources, (str, os.PathLike)):
        return sources
    if isinstance(sources, Mapping):
        raise ConfigError(
            f"a mapping with {', '.join(map(repr, list(sources)[:5]))}",
            expected="paths, or the rows of one split",
            fix=f"convert(dataset[{next(iter(sources), 'train')!r}], ...)",
        )
    if not is_many(sources):
        raise ConfigError(
            f"sources of type {type(sources).__name__}", expected="paths, or rows that are mappings"
        )
    if is_table(sources):
        return [*as_paths(sources)]  # says that it is none
    iterator = iter(sources)
    first = next(iterator, None)
    if not isinstance(first, Mapping):
        return [*as_paths(chain([] if first is None else [first], iterator))]
    features: Any = getattr(sources, "features", None)
    described = features.to_dict() if hasattr(features, "to_dict") else features
    return RowSource(chain([first], iterator), class_names(described))
