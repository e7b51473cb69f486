"""GermEval 2014: number, token, outer tag and nested tag, with `#<tab>source` before each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.align.tag_shapes import MISSING, is_tag
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.words import join, tagged_spans
from cloudner.errors import InputError

_SOURCE = re.compile(r"#\t(?P<source>\S+)(?:\s+\[(?P<date>[^\]]*)\])?")


def _rows(lines: list[str]) -> list[list[str]]:
    return [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]


def _is_row(line: str) -> bool:
    """Does a line that begins with # hold tags? A source with an empty cell behind its date has four cells as well."""
    row = line.split("\t")
    return len(row) == 4 and is_tag(row[2]) and is_tag(row[3])


def sniff(sample: Sample) -> Match | None:
    rows = _rows(sample.lines[:2000])
    if len(rows) < 2 or any(len(row) != 4 or not row[0].isdigit() for row in rows):
        return None
    if not all(is_tag(row[2]) and is_tag(row[3]) for row in rows):
        return None
    if not any(row[2] == "O" for row in rows) or any(row[3] in MISSING for row in rows):
        return None
    sources = sum(_SOURCE.match(line) is not None for line in sample.lines)
    reason = "number, token, outer tag, nested tag" + (f" and {sources} source lines" if sources else "")
    return Match(0.98 if sources else 0.96, reason)


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence, with outer and nested entities as spans over its tokens."""
    tokens: list[str] = []
    outer: list[str] = []
    inner: list[str] = []
    meta: dict[str, str] = {}
    start_line, any_row = 0, False
    for number, line in source.lines():
        if not line.strip():
            if tokens:
                yield _record(source.name, start_line, tokens, outer, inner, meta)
            tokens, outer, inner, meta = [], [], [], {}
        elif line.startswith("#") and not _is_row(line):
            if match := _SOURCE.match(line):
                meta = {key: value for key, value in match.groupdict().items() if value}
        else:
            row = line.split("\t")
            if len(row) != 4 or not row[1]:
                raise InputError(
                    f"{len(row)} columns in {line[:60]!r}"
                    if len(row) != 4
                    else f"a tag without a token in {line!r}",
                    file=source.name,
                    line=number,
                    expected="4 parted by tabs: number, token, outer tag, nested tag",
                    fix="mend the line",
                )
            if not tokens:
                start_line = number
            any_row = True
            tokens.append(row[1])
            outer.append(row[2])
            inner.append(row[3])
    if tokens:
        yield _record(source.name, start_line, tokens, outer, inner, meta)
    elif not any_row:
        raise InputError(
            "no token in the file", file=source.name, expected="number, token, outer tag, nested tag"
        )


def _record(
    file: str, line: int, tokens: list[str], outer: list[str], inner: list[str], meta: dict[str, str]
) -> Record:
    nested = any(tag != "O" for tag in inner)
    if not nested:
        tags = [None if tag in MISSING else tag for tag in outer]
        return Record(file, line, tokens=tokens, tags=tags, sent_starts=[0], meta=meta)
    spaces = [True] * len(tokens)
    text, starts = join(tokens, spaces)
    spans = tagged_spans(tokens, starts, outer) + tagged_spans(tokens, starts, inner)
    spans.sort(key=lambda s: (s.start, -s.end))
    return Record(
        file, line, text=text, spans=spans, tokens=tokens, spaces=spaces, sent_starts=[0], meta=meta
    )


_EXAMPLE = """#\thttps://de.wikipedia.org/wiki/Marie_Curie [2010-01-01]
1\tMarie\tB-PER\tO
2\tCurie\tI-PER\tO
3\twas\tO\tO
4\tborn\tO\tO
5\tin\tO\tO
6\tWarsaw\tB-LOC\tO
7\t.\tO\tO
"""
GERMEVAL = Format(
    name="germeval2014",
    description="GermEval 2014: number, token, outer tag, nested tag",
    extensions=(".tsv", ".txt", ".conll"),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)
