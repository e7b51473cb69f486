"""Stanford NER TSV: `Paris<tab>LOCATION`, labels without a position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.align.tag_shapes import MISSING, POSITION_TAG, UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.columns import conll
from cloudner.corpus.formats.columns.layout import data_lines, detect
from cloudner.corpus.formats.words import refuse, words_of


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
        f"token, tab, label without a position ({', '.join(sorted(labels)[:3])}; a run of one label is an entity)",
    )


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """As `conll` reads; two columns parted by tabs are words and labels, also where no word is outside an entity."""
    sample = source.sample()
    if detect(sample, options) is None and all(line.count("\t") == 1 for line in data_lines(sample)):
        options = replace(options, delimiter="\t", tag_column=1)
    yield from conll.read(source, options)


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """Token, tab, label, a blank line after each sentence; the format has no documents, so sentences come back singly.

    Two neighbours of one label cannot be told apart: a record that has them is refused.
    """
    for record in records:
        words = words_of(record, "stanford")
        labels = encode(len(words.tokens), words.spans, "BIO", words.missing, UNKNOWN)
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
            for what, text in (("token", token), ("label", tag)):
                if not {"\t", "\n", "\r"}.isdisjoint(text):
                    refuse(record, "stanford", f"the {what} {text!r}")
            stream.write(f"{token}\t{tag.partition('-')[2] or tag}\n")
        stream.write("\n")


STANFORD = Format(
    name="stanford",
    description="Stanford NER: token, tab, label without a position",
    extensions=(".tsv", ".tok"),
    sniff=sniff,
    read=read,
    write=write,
)
