"""Offsets that do not point at the text an annotator marked: find out how they were counted, and repair them."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice
from typing import NamedTuple

WINDOW = 60  # characters to either side in which a moved surface text is looked for
FAR_LENGTH = 8  # a surface text of so many characters, once in the whole text, is taken from anywhere
_SPACES = re.compile(r"\s+")


class Repair(NamedTuple):
    """New character offsets and the cause that explains the old ones (a key of `issues.CAUSES`)."""

    start: int
    end: int
    cause: str


class OffsetMap:
    """One text under the ways tools count it; the tables are made when first needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tables: dict[str, list[int] | None] = {}

    def _table(self, unit: str) -> list[int] | None:
        """Position of every character (and of the end) in that unit; None where it counts as Python does."""
        if unit not in self._tables:
            self._tables[unit] = self._make(unit)
        return self._tables[unit]

    def _make(self, unit: str) -> list[int] | None:
        text = self.text
        if unit == "offsets-utf16":
            if not text or max(text) <= "\uffff":
                return None
            sizes = [2 if char > "\uffff" else 1 for char in text]
        elif unit == "offsets-bytes":
            if text.isascii():
                return None
            sizes = [len(char.encode("utf-8", "surrogatepass")) for char in text]
        elif unit == "crlf-as-one":  # the tool saw \n where the text has \r\n
            if "\r\n" not in text:
                return None
            sizes = [0 if text[i : i + 2] == "\r\n" else 1 for i in range(len(text))]
        else:  # the tool saw \r\n where the text has \n
            if "\n" not in text.replace("\r\n", ""):
                return None
            sizes = [
                2 if char == "\n" and (i == 0 or text[i - 1] != "\r") else 1 for i, char in enumerate(text)
            ]
        table, total = [0], 0
        for size in sizes:
            total += size
            table.append(total)
        return table

    def counts_otherwise(self, unit: str) -> bool:
        """Does the text have characters that the unit counts otherwise than Python?"""
        return self._table(unit) is not None

    def convert(self, position: int, unit: str) -> int | None:
        """The character index of a position counted in `unit`; None where no character begins there."""
        table = self._table(unit)
        if table is None:
            return None
        # The last index of equal positions: a zero-width "\r" belongs to what stands before it.
        index = bisect_left(table, position)
        if index >= len(table) or table[index] != position:
            return None
        return index

    def spans(self, start: int, end: int, unit: str) -> tuple[int, int] | None:
        first, last = self.convert(start, unit), self.convert(end, unit)
        return None if first is None or last is None or first >= last else (first, last)


UNITS = ("offsets-utf16", "offsets-bytes", "crlf-as-one", "crlf-as-two")


def same(found: str, surface: str) -> bool:
    """Is it the same text, white space and line ends aside?"""
    return found == surface or _SPACES.sub(" ", found).strip() == _SPACES.sub(" ", surface).strip()


def recount(offsets: OffsetMap, start: int, end: int, surface: str) -> Repair | None:
    """The offsets under another unit, where exactly the surface text stands; None otherwise."""
    for unit in UNITS:
        moved = offsets.spans(start, end, unit)
        if moved is not None and offsets.text[moved[0] : moved[1]] == surface:
            return Repair(*moved, "offsets-crlf" if unit.startswith("crlf") else unit)
    return None


def repair(offsets: OffsetMap, start: int, end: int, surface: str) -> Repair | None:
    """Where the surface text really is, when it is not at start:end (characters).

    Tries, in order: inclusive ends, UTF-16 code units, UTF-8 bytes, line ends counted as one or as two, and a
    single match within `WINDOW` characters. None when nothing explains it.
    """
    text = offsets.text
    if not surface.strip():
        return None
    if same(text[start : end + 1], surface) and len(surface) == end - start + 1:
        return Repair(start, end + 1, "offsets-inclusive")
    for unit in UNITS:
        cause = "offsets-crlf" if unit.startswith("crlf") else unit
        for extra, name in ((0, cause), (1, "offsets-inclusive")):
            moved = offsets.spans(start, end + extra, unit)
            if moved is not None and same(text[moved[0] : moved[1]], surface):
                return Repair(*moved, name if extra == 0 else cause)
    low, high = max(0, start - WINDOW), min(len(text), max(end, start + len(surface)) + WINDOW)
    pattern = r"\s+".join(re.escape(part) for part in surface.split())
    if "\ufffd" in pattern:  # a surface text cut inside a surrogate pair
        pattern = pattern.replace("\ufffd", ".")
    matches = list(re.finditer(pattern, text[low:high]))
    if len(matches) == 1:
        return Repair(low + matches[0].start(), low + matches[0].end(), "offsets-moved")
    if not matches and len(surface) >= FAR_LENGTH:
        far = list(islice(re.finditer(pattern, text), 2))
        if len(far) == 1:
            return Repair(far[0].start(), far[0].end(), "offsets-moved")
    return None
