"""The concepts of i2b2 2010: NAME.con with `c="chest pain" 12:3 12:4||t="problem"`, its text in NAME.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines
from cloudner.errors import InputError

_CONCEPT = re.compile(
    r'c="(?P<text>.*)" (?P<first>\d+):(?P<start>\d+) (?P<last>\d+):(?P<end>\d+)\|\|t="(?P<label>[^"]+)"\s*'
)
_WORD = re.compile(r"\S+")
_EXPECTED = 'c="WORDS" LINE:WORD LINE:WORD||t="LABEL"'


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if lines and all(map(_CONCEPT.fullmatch, lines)):
        return Match(0.98, 'c="..." with lines and words, and t="..." (i2b2 2010)')
    if not lines and sample.name.endswith(".con"):
        return Match(0.8, "an empty .con file: a text without a concept")
    return None


def _text_of(source: Source, name: str) -> Source:
    """The text, in the same folder or in the folder `txt` beside it, as i2b2 ships them."""
    text = source.sibling(".txt")
    for folder in ("txt", "text", "texts"):
        text = text or source.neighbour(f"{folder}/{name}.txt")
    if text is None:
        raise InputError(
            f"there is no {name}.txt beside it",
            file=source.name,
            expected="the text that its lines and words are counted in, there or in a folder txt",
            fix="put both files into one folder",
        )
    return text


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The one record of a pair. Lines count from 1, words from 0; the words of a concept are stored in small letters."""
    name = unpacked(base_name(source.name)).rsplit(".", 1)[0]
    text_source = _text_of(source, name)
    text = text_source.text()
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    ends = [*starts[1:], len(text)]
    record = Record(text_source.name, 1, text, meta={"id": name})
    words: dict[int, list[tuple[int, int]]] = {}

    def place(number: int, line: int, word: int) -> tuple[int, int]:
        if line not in words and 1 <= line <= len(starts):
            words[line] = [m.span() for m in _WORD.finditer(text, starts[line - 1], ends[line - 1])]
        if word >= len(words.get(line, ())):
            raise InputError(
                f"word {word} of line {line}, which the text has not",
                file=source.name,
                line=number,
                expected="lines from 1 and words, parted by white space, from 0",
            )
        return words[line][word]

    for number, match in mention_lines(source, _CONCEPT, _EXPECTED):
        start = place(number, int(match["first"]), int(match["start"]))[0]
        end = place(number, int(match["last"]), int(match["end"]))[1]
        same = match["text"].lower().split() == text[start:end].lower().split()
        record.spans.append(SpanRecord(start, end, match["label"], None if same else match["text"]))
    record.spans.sort(key=lambda span: (span.start, -span.end))
    yield record


_EXAMPLE = {
    "curie.con": 'c="marie curie" 1:0 1:1||t="PER"\nc="warsaw" 1:5 1:5||t="LOC"\n',
    "curie.txt": "Marie Curie was born in Warsaw .\n",
}
I2B2_CONCEPTS = Format(
    "i2b2-concepts",
    'i2b2 2010: `c="..." LINE:WORD LINE:WORD||t="LABEL"` in NAME.con beside NAME.txt',
    (".con",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
