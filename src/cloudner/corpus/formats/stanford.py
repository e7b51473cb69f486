"""Stanford NER TSV (`Paris<tab>LOCATION`) and spaCy's one-sentence-a-line `Paris|NNP|B-GPE`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.formats import conll
from cloudner.corpus.formats._columns import POSITION_TAG, is_tag
from cloudner.corpus.formats._words import refuse, words_of
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample, Source
from cloudner.corpus.records import Record
from cloudner.corpus.tags import MISSING, encode
from cloudner.errors import InputError


def sniff(sample: Sample) -> Match | None:
    """Two columns parted by one tab, the second O or a label without a position."""
    rows = [line.split("\t") for line in sample.lines if line.strip()]
    if len(rows) < 2 or any(len(row) != 2 for row in rows):
        return None
    labels = {row[1] for row in rows} - {"O"}
    if not labels or any(POSITION_TAG.fullmatch(label) for label in labels):
        return None
    match = conll.sniff(sample)
    if match is None or match.score < 0.5:
        return None
    return Match(
        min(1.0, match.score + 0.05),
        f"token, tab, label without a position ({', '.join(sorted(labels)[:3])})",
    )


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """Token, tab, label; two neighbours of one label cannot be told apart, so such a record is refused."""
    for record in records:
        words = words_of(record, "stanford")
        labels = encode(len(words.tokens), words.spans, "BIO", words.missing)
        starts = set(words.sent_starts)
        for span in words.spans:
            if span.label == "O" or span.label in MISSING or POSITION_TAG.fullmatch(span.label):
                refuse(record, "stanford", f"the label {span.label!r}", "--to conll")
        for before, after in zip(words.spans, words.spans[1:], strict=False):
            if before.end == after.start and before.label == after.label and after.start not in starts:
                refuse(record, "stanford", f"two {after.label} side by side", "--to conll")
        for index, (token, tag) in enumerate(zip(words.tokens, labels, strict=True)):
            if index in starts and index:
                stream.write("\n")
            if not token.strip():
                continue
            if "\t" in token or "\n" in token:
                refuse(record, "stanford", f"the token {token!r}")
            stream.write(f"{token}\t{tag.partition('-')[2] or tag}\n")
        stream.write("\n")


def _token_cells(line: str) -> list[list[str]]:
    return [
        chunk.rsplit("|", count) for chunk in line.split() for count in (2 if chunk.count("|") >= 2 else 1,)
    ]


def sniff_lines(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines[:500] if line.strip()]
    cells = [cell for line in lines for cell in _token_cells(line)]
    if len(cells) < 2 or any(len(cell) < 2 for cell in cells):
        return None
    if len(cells) < 2 * len(lines) and len(lines) > 1:
        return None  # one token a line is a file of columns
    widths = Counter(map(len, cells))
    tags = Counter(cell[-1] for cell in cells)
    if not all(is_tag(tag) for tag in tags) or not tags["O"]:
        return None
    width = widths.most_common(1)[0][0]
    return Match(0.93, f"words as token|{'POS|' if width == 3 else ''}tag, a sentence a line")


def read_lines(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line of `token|tag` or `token|POS|tag` words."""
    found = False
    for number, line in source.lines():
        if not line.strip():
            continue
        cells = _token_cells(line)
        for cell in cells:
            if len(cell) < 2 or not cell[0]:
                raise InputError(
                    f"the word {'|'.join(cell)!r}",
                    file=source.name,
                    line=number,
                    expected="token|tag or token|POS|tag",
                    fix="mend the word",
                )
        found = True
        tags: list[str | None] = [None if cell[-1] in MISSING else cell[-1] for cell in cells]
        yield Record(source.name, number, tokens=[cell[0] for cell in cells], tags=tags, sent_starts=[0])
    if not found:
        raise InputError("no word in the file", file=source.name, expected="token|tag words")


def write_lines(records: Iterable[Record], stream: IO[str]) -> None:
    """`token|tag` words, a sentence a line."""
    for record in records:
        words = words_of(record, "iob-lines")
        tags = encode(len(words.tokens), words.spans, "BIO", words.missing)
        starts = set(words.sent_starts)
        line: list[str] = []
        for index, (token, tag) in enumerate(zip(words.tokens, tags, strict=True)):
            if index in starts and line:
                stream.write(" ".join(line) + "\n")
                line = []
            if not token.strip():
                continue
            if len(token.split()) != 1 or "|" in token:
                refuse(record, "iob-lines", f"the token {token!r}", "--to conll")
            line.append(f"{token}|{tag}")
        stream.write(" ".join(line) + "\n")


STANFORD = Format(
    name="stanford",
    description="Stanford NER: token, tab, label without a position",
    extensions=(".tsv", ".tok"),
    sniff=sniff,
    read=conll.read,
    write=write,
)
IOB_LINES = Format(
    name="iob-lines",
    description="a sentence a line of token|tag or token|POS|tag words, spaCy's .iob",
    extensions=(".iob",),
    sniff=sniff_lines,
    read=read_lines,
    write=write_lines,
)
