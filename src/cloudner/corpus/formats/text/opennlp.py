"""OpenNLP name finder training data: `<START:person> Pierre Vinken <END> , 61 years old`, a sentence a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.words import refuse, refuse_missing, words_of
from cloudner.errors import InputError

_MARK = re.compile(r"[ \t]*<(?:START(?::(?P<label>[^<>]*))?|(?P<end>END))>[ \t]*")
_DEFAULT = "default"  # what OpenNLP calls an entity without a type


def sniff(sample: Sample) -> Match | None:
    starts = sum(line.count("<START") for line in sample.lines)
    ends = sum(line.count("<END>") for line in sample.lines)
    if not starts or not ends:
        return None
    return Match(0.97, f"{starts} <START:label> ... <END> marks")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line; sentences between blank lines are one document where the file has blank lines."""
    # blank lines above and under all sentences part none
    blank = re.search(r"\S[^\n]*\n[ \t]*\n\s*\S", "\n".join(source.sample().lines)) is not None
    document: Record | None = None
    found = False
    for number, line in source.lines():
        if not line.strip():
            if document is not None:
                yield document
                document = None
            continue
        found = True
        text, spans = parse(line, source.name, number)
        if document is None:
            document = Record(source.name, number, text=text, spans=spans)
        else:
            shift = len(document.text or "") + 1
            document.text = f"{document.text}\n{text}"
            document.spans += [SpanRecord(s.start + shift, s.end + shift, s.label, s.surface) for s in spans]
        if not blank:
            yield document
            document = None
    if document is not None:
        yield document
    if not found:
        raise InputError(
            "no sentence in the file", file=source.name, expected="lines with <START:label> ... <END>"
        )


def parse(line: str, file: str, number: int) -> tuple[str, list[SpanRecord]]:
    """Text and spans of one line. Raises InputError for marks that do not pair."""
    pieces: list[str] = []
    spans: list[SpanRecord] = []
    length = position = 0
    start, label = -1, ""

    def fail(found: str) -> InputError:
        return InputError(
            found,
            file=file,
            line=number,
            expected="<START:label> and <END> in turn, both in one line",
            fix="mend the line; OpenNLP does not nest names",
        )

    for match in _MARK.finditer(line):
        before = line[position : match.start()]
        pieces.append(before)
        length += len(before)
        position = match.end()
        mark = match[0]
        if match["end"]:
            if start < 0:
                raise fail("<END> without <START>")
            spans.append(SpanRecord(start, length, label))
            start = -1
            glue = mark[mark.index(">") + 1 :]
        else:
            if start >= 0:
                raise fail(f"{mark.strip()} within another name")
            glue = mark[: mark.index("<")]
            start, label = length + len(glue), match["label"] or _DEFAULT
        pieces.append(glue)
        length += len(glue)
    if start >= 0:
        raise fail(f"<START:{label}> without <END>")
    pieces.append(line[position:])
    return "".join(pieces), spans


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """Sentences of words parted by spaces, a blank line after each document. Spacing of the text is not kept."""
    for record in records:
        refuse_missing(record, "opennlp")
        words = words_of(record, "opennlp")
        opens = {span.start: span.label for span in words.spans}
        closes = {span.end for span in words.spans}
        starts = set(words.sent_starts)
        line: list[str] = []
        for index, token in enumerate(words.tokens):
            if index in starts and line:
                stream.write(" ".join(line) + "\n")
                line = []
            if index in opens:
                if re.search(r"[<>\s]", opens[index]):
                    refuse(record, "opennlp", f"the label {opens[index]!r}")
                line.append(f"<START:{opens[index]}>" if opens[index] != _DEFAULT else "<START>")
            if _MARK.search(token) or "\n" in token or "\r" in token:
                if token.strip():
                    refuse(record, "opennlp", f"the token {token!r}")
            elif token.strip():
                line.append(token)
            if index + 1 in closes:
                line.append("<END>")
        stream.write(" ".join(line) + "\n\n")


OPENNLP = Format(
    name="opennlp",
    description="OpenNLP: <START:person> Marie Curie <END>, a sentence a line",
    extensions=(".train", ".opennlp", ".txt"),
    sniff=sniff,
    read=read,
    write=write,
)
