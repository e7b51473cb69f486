"""Annotations with a mention a line, and texts in files beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cloudner.corpus.contract import Source
from cloudner.errors import InputError


def text_beside(source: Source, name: str, what: str) -> Source:
    """The file of that name beside the source. what: what it should be. Raises InputError where there is none."""
    found = source.neighbour(name)
    if found is None:
        raise InputError(
            f"the text {name!r} that it names is not beside it",
            file=source.name,
            expected=what,
            fix=f"put {name} into the same folder",
        )
    return found


def mention_lines(
    source: Source, form: re.Pattern[str], expected: str, lines: Iterable[tuple[int, str]] | None = None
) -> Iterator[tuple[int, re.Match[str]]]:
    """Number and match of each line but the blank ones. lines: those of the source that are left, where some have been read.
    Raises InputError for a line of another form."""
    for number, line in source.lines() if lines is None else lines:
        if not line.strip():
            continue
        match = form.fullmatch(line)
        if match is None:
            raise InputError(f"{line[:60]!r}", file=source.name, line=number, expected=expected)
        yield number, match
