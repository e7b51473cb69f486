"""Offsets that are counted otherwise than said, in texts without spaces between words: no tokenizer can tell where a word is cut.

What follows a whole entity differs from place to place; what follows one that lacks its last character is that character.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np

from cloudner.corpus.contract import Record
from cloudner.corpus.docbin.chunk import Chunk

_UNSPACED = re.compile("[\u0e01-\u0e4e\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_SPANS = 20_000  # that are looked at
_ENOUGH = 5  # strings that are always followed by one character
_MOST = 0.6  # of the strings that occur again
_STOPS = "，。、；：！？,;!?"
_STOPPED, _SHARE = 10, 0.1  # spans that end with such a sign; of right ones hardly any does


class _Beside:
    """The characters beside strings."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, string: str, character: str) -> None:
        self._seen[string].append(character)

    def always(self) -> tuple[int, int]:
        """How many strings have one and the same letter beside them wherever they stand; of how many that occur again."""
        again = [each for each in self._seen.values() if len(each) > 1]
        return len(self._same()), len(again)

    def example(self) -> tuple[str, str]:
        """The string that occurs most often of those, and the character."""
        same = self._same()
        string = max(same, key=lambda s: len(same[s]))
        return string, same[string][0]

    def _same(self) -> dict[str, list[str]]:
        return {
            string: each
            for string, each in self._seen.items()
            if len(each) > 1 and len(set(each)) == 1 and each[0].isalnum()
        }


class Edges:
    """What stands beside spans, counted while their records or chunks pass."""

    def __init__(self) -> None:
        self._texts: set[int] = set()
        self._spans = self._stopped = 0
        self._after, self._after_next, self._before, self._before_last = (_Beside() for _ in range(4))

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """The same records. Spans that bring their words are not counted: those are looked for in the text."""
        for record in records:
            if record.text and record.tokens is None and self._spans < _SPANS:
                self._look_at(record.text, [(s.start, s.end) for s in record.spans if s.surface is None])
            yield record

    def add(self, chunk: Chunk) -> None:
        """Counts the entities of documents whose tokens are characters, or nearly so."""
        if self._spans >= _SPANS or not any(map(_UNSPACED.search, chunk.strings)):
            return
        firsts, lasts, _ = chunk.entities()
        bounds = np.searchsorted(firsts, chunk.bounds)  # the entities of a document
        for doc, (begin, end) in enumerate(zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)):
            words = [chunk.string(key) for key in chunk.orth[begin:end].tolist()]
            spaced = [w + " " * s for w, s in zip(words, chunk.spaces[begin:end].tolist(), strict=True)]
            at = [0, *accumulate(map(len, spaced))]
            mine = range(bounds[doc], bounds[doc + 1])
            pairs = ((int(firsts[i]) - begin, int(lasts[i]) - 1 - begin) for i in mine)
            self._look_at(
                "".join(spaced), [(at[first], at[last] + len(words[last])) for first, last in pairs]
            )

    def _look_at(self, text: str, spans: Sequence[tuple[int, int]]) -> None:
        if not spans or not _UNSPACED.search(text) or hash(text) in self._texts:
            return
        self._texts.add(hash(text))
        for start, end in spans:
            if 0 <= start < end - 1 < len(text):
                self._look(text, start, end)

    def _look(self, text: str, start: int, end: int) -> None:
        self._spans += 1
        self._stopped += text[end - 1] in _STOPS
        self._after.add(text[start:end], text[end : end + 1])
        self._after_next.add(text[start : end + 1], text[end + 1 : end + 2])
        before = text[:start][-2:].rjust(2)
        self._before.add(text[start:end], before[1])
        self._before_last.add(before[1] + text[start:end], before[0])

    def hint(self) -> str | None:
        """What the offsets seem to count, with what to type; None where nothing is odd."""
        if _cut(self._after, self._after_next):
            string, missing = self._after.example()
            return (
                f"entities seem to lack their last character ({string!r} is always followed by {missing!r}):"
                " --offsets inclusive, if the ends are those of last characters"
            )
        if _cut(self._before, self._before_last):
            string, missing = self._before.example()
            return (
                f"entities seem to lack their first character ({string!r} always follows {missing!r}):"
                " --offsets one-based, if the offsets count from 1, with the ends those of last characters"
            )
        if self._stopped >= _STOPPED and self._stopped > _SHARE * self._spans:
            return (
                f"{self._stopped:,} of {self._spans:,} entities end with a comma or a full stop:"
                " do the offsets count characters from 0, with ends exclusive?"
            )
        return None


def _cut(beside: _Beside, further: _Beside) -> bool:
    """Is one character nearly always the same, and the one behind it not?"""
    (same, again), (then_same, then_again) = beside.always(), further.always()
    return (
        same >= _ENOUGH
        and same >= _MOST * again
        and 2 * then_again >= same
        and then_same / then_again <= same / again / 2
    )
