"""Tables of tokens whose quotes are tokens: rows that a CSV reader would take for one long cell."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Literal

from cloudner.corpus.contract import Sample
from cloudner.errors import InputError

_QUOTED_BETWEEN_TABS = re.compile(r'(^|\t)"[^"\n]+"(\t|$)', re.MULTILINE)


def quoting_of(sample: Sample, delimiter: str) -> Literal[0, 3]:
    """`csv.QUOTE_NONE` where the quotes of a table with a token a row are tokens, else `csv.QUOTE_MINIMAL`.

    Between tabs nobody quotes. Elsewhere a quote must be a cell of its own, on a line without a second one, in a file
    whose lines have one number of cells without any quoting.
    """
    if delimiter == "\t":
        return csv.QUOTE_MINIMAL if _QUOTED_BETWEEN_TABS.search(sample.text) else csv.QUOTE_NONE
    rows = [line.split(delimiter) for line in sample.lines if line.strip()]
    if len({len(row) for row in rows}) == 1 and any(map(_is_bare, rows)):
        return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL


def _is_bare(row: Sequence[str]) -> bool:
    return '"' in row and sum(cell.count('"') for cell in row) % 2 == 1


def check_rows(file: str, line: int, row: Sequence[str], delimiter: str, token: str, tag: str) -> None:
    """Raises InputError where a cell of a row with one token holds rows that a quote has swallowed."""
    if not any("\n" in cell or "\r" in cell for cell in row):
        return
    broken = any("\n" in cell.strip() or "\r" in cell.strip() for cell in (token, tag))
    if broken or any(_swallowed(cell, number, len(row), delimiter) for number, cell in enumerate(row)):
        raise InputError(
            f"a token over several rows, behind a quote that is not closed: {' '.join(token.split())[:40]!r}",
            file=file,
            line=line,
            expected='one token a row; a quote as a token is written """" where cells are quoted',
            fix="write the table with a CSV library, or with tabs between the cells",
        )


def _swallowed(cell: str, number: int, width: int, delimiter: str) -> bool:
    """Did the cell begin behind a quote alone, and are the lines in it, with what stands around it, rows of the table?"""
    if not cell.startswith(delimiter):
        return False
    parts = cell.splitlines() + [""] * (cell[-1:] in ("\n", "\r"))
    if len(parts) < 2:
        return False
    counts = [part.count(delimiter) for part in parts]
    whole = all(count == width - 1 for count in counts[1:-1])
    return whole and counts[0] == width - 1 - number and counts[-1] == number
