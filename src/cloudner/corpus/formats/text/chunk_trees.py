"""NLTK's chunk trees as it prints them: `(S (PERSON Marie/NNP Curie/NNP) slept/VBD ./.)`, a tree a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between, span_over
from cloudner.errors import InputError

# A leaf is a word, a slash and a part of speech, and either may be a bracket of its own.
_PART = re.compile(
    r"(?P<leaf>[()]/[()](?=[\s)]|$)|[^\s()]\S*?/[^\s()]+|\(\S*?/[^\s()]+)"
    r"|\((?P<open>[^\s()/]+)(?=\s|$)|(?P<close>\))|(?P<odd>\S+)"
)
_EXPECTED = "(S (PERSON Marie/NNP Curie/NNP) slept/VBD ./.)"


def _sniff(sample: Sample) -> Match | None:
    text = sample.text.lstrip("\ufeff \t\r\n")
    if re.match(r"\((?:S|ROOT|TOP)\s", text) is None:
        return None
    parts = list(_PART.finditer(text[: text.rfind("\n") + 1] if sample.truncated else text))
    labels = sorted({part["open"] for part in parts if part["open"]} - {"S", "ROOT", "TOP"})
    if not labels or any(part["odd"] for part in parts) or not any(part["leaf"] for part in parts):
        return None
    return Match(0.95, f"trees of word/pos with chunks ({', '.join(labels[:3])})")


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a tree. Every chunk below the root is an entity, those within others too."""
    reading: _Tree | None = None
    found = False
    for number, line in source.lines():
        for part in _PART.finditer(line):
            if reading is None:
                if not part["open"]:
                    raise _error(source, number, f"{part[0][:40]!r} outside a tree")
                reading, found = _Tree(number), True
            elif part["odd"]:
                raise _error(source, number, f"{part[0][:40]!r} is no word/pos")
            elif part["open"]:
                reading.opened.append((part["open"], len(reading.words)))
            elif part["leaf"]:
                reading.words.append(part["leaf"].rpartition("/")[0])
            elif reading.opened:
                label, first = reading.opened.pop()
                reading.chunks.append((first, len(reading.words), label))
            else:
                yield reading.record(source.name)
                reading = None
    if reading is not None:
        raise _error(source, reading.line, "a tree without its end")
    if not found:
        raise _error(source, 1, "no tree in the file")


def _error(source: Source, line: int, problem: str) -> InputError:
    return InputError(problem, file=source.name, line=line, expected=_EXPECTED)


class _Tree:
    """A tree as far as it is read. chunks: first word, the one after the last, label."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.words: list[str] = []
        self.opened: list[tuple[str, int]] = []
        self.chunks: list[tuple[int, int, str]] = []

    def record(self, file: str) -> Record:
        words = self.words
        spaces = spaces_between(words) if is_unspaced("".join(words)) else [True] * len(words)
        text, starts = join(words, spaces)
        record = Record(file, self.line, text, tokens=words, spaces=spaces, sent_starts=[0])
        for first, last, label in sorted(self.chunks, key=lambda chunk: (chunk[0], -chunk[1])):
            if first < last:
                record.spans.append(span_over(words, starts, first, last, label))
        return record


_EXAMPLE = """(S
  (PER Marie/NNP Curie/NNP)
  was/VBD
  born/VBN
  in/IN
  (LOC Warsaw/NNP)
  ./.)
"""
CHUNK_TREES = Format(
    "chunk-trees",
    "NLTK's chunk trees, words with their parts of speech in brackets",
    (".txt", ".tree"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
