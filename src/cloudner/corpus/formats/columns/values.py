"""What the values of a column say about it: names of files, numbers of tokens and ids are no tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_NUMBER = re.compile(r"\d{1,9}")
_ID = re.compile(r"[A-Za-z_.:#-]*\d+(?:[-_.:]\d+)*")


def is_constant(cells: Sequence[str]) -> bool:
    return len(set(cells)) == 1


def counts(cells: Sequence[str]) -> bool:
    """Does a column number its rows, from 0 or 1 again where something new begins?"""
    if len(cells) < 3 or not all(map(_NUMBER.fullmatch, cells)):
        return False
    numbers = [int(cell) for cell in cells]
    first = min(numbers)
    good = sum(after == before + 1 or after == first for before, after in pairwise(numbers))
    steps = sum(after == before + 1 for before, after in pairwise(numbers))
    return first < 2 and steps > 0 and 10 * good >= 9 * (len(numbers) - 1) and not _repeats(numbers)


def _repeats(numbers: Sequence[int]) -> bool:
    """Is a number often followed by itself, as an id is?"""
    same = sum(before == after for before, after in pairwise(numbers))
    return 10 * same > len(numbers)


def is_id(cells: Sequence[str]) -> bool:
    """Are all of them numbers, perhaps behind a few letters (`s12`, `doc-3`)?"""
    return all(_ID.fullmatch(cell) for cell in cells)


def stays(cells: Sequence[str]) -> bool:
    """Is a value mostly the one of the row above, as the name of a file is? Words hardly ever are."""
    return len(cells) > 3 and 2 * sum(before == after for before, after in pairwise(cells)) > len(cells)
