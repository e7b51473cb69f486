"""Words whose annotations stand elsewhere and name them: what FoLiA, CCL and NKJP have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloudner.corpus.contract import Record
from cloudner.corpus.formats.words import join, span_over


class Passage:
    """A paragraph: its words, where its sentences begin, and its entities as numbers of words."""

    def __init__(self, line: int, identity: str = "") -> None:
        self.line, self.identity = line, identity
        self.words: list[str] = []
        self.spaces: list[bool] = []  # does a space follow?
        self.sent_starts: list[int] = []
        self.entities: list[tuple[str, list[int]]] = []  # label and words
        self.notes: list[tuple[str, str, str]] = []

    def begin_sentence(self) -> None:
        if len(self.words) not in self.sent_starts[-1:]:
            self.sent_starts.append(len(self.words))

    def add(self, word: str, space: bool = True) -> int:
        """Adds a word, with a space behind it or none; its number."""
        if not self.words:
            self.sent_starts = [0]
        self.words.append(word)
        self.spaces.append(space)
        return len(self.words) - 1

    def mark(self, label: str, words: Iterable[int]) -> None:
        """Marks these words, of which there is one at least, as an entity; the words between them too, which is noted."""
        numbers = sorted(set(words))
        if numbers[-1] - numbers[0] >= len(numbers):
            shown = " ".join(self.words[number] for number in numbers)
            done = f"{label} {shown!r}, words with others between them, made one span"
            self.notes.append(("unsupported", "changed", done))
        self.entities.append((label, numbers))

    def record(self, file: str) -> Record:
        spaces = [*self.spaces[:-1], False]
        text, starts = join(self.words, spaces)
        meta = {"id": self.identity} if self.identity else {}
        record = Record(file, self.line, text, tokens=self.words, spaces=spaces, meta=meta, notes=self.notes)
        record.sent_starts = [start for start in self.sent_starts if start < len(self.words)]
        record.spans = [
            span_over(self.words, starts, numbers[0], numbers[-1] + 1, label)
            for label, numbers in sorted(self.entities, key=lambda each: (each[1][0], -each[1][-1], each[0]))
        ]
        return record


def mark_words(places: Sequence[tuple[Passage, int]], label: str, line: int) -> None:
    """Marks words, of which there is one at least, as an entity of their passage; one with words of several passages is left
    out, which is noted. line: where the entity stands."""
    passage = places[0][0]
    if any(other is not passage for other, _ in places):
        done = f"{label} in line {line}, which has words of several paragraphs, left out"
        passage.notes.append(("unsupported", "dropped", done))
    else:
        passage.mark(label, [number for _, number in places])
