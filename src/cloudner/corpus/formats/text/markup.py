"""Inline markup: `[Marie Curie](PER) won it twice.`, one sentence a line.

A file may group its sentences into documents with headers `## TOPIC | SPLIT` (the corpus in `assets/` is written
this way); a blank line ends a document. Without headers every line is a document of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.words import flat, is_unspaced, refuse, refuse_missing, text_of
from cloudner.errors import InputError

# A label has no colon, slash or dot, so that `[site](https://...)` and `[page](page.html)` stay text.
_LABEL = r"[^\W\d_][\w+#&-]*"
# Every alternative takes a whole run of backslashes, so no text can make the match slow.
_INSIDE = r"[^\[\]\\]|\\+(?![\\\[\]])|(?:\\\\)*\\[\[\]]|(?:\\\\)+(?=\])"
_MARK = re.compile(
    rf"(?<!\\)(?P<slashes>\\+)(?=[\[\]])|\[(?P<surface>(?:{_INSIDE})+)\]\((?P<label>{_LABEL})\)"
)
_ESCAPE = re.compile(r"(?<!\\)(\\+)([\[\]]|$)")
_STRAY = re.compile(rf"(?<!\\)\]\({_LABEL}(?:\)|\s|$)")
_BRACKET = re.compile(r"(?<!\\)(\\*)([\[\]])")
_ESCAPED_HASH = re.compile(r"\\+#")
_HEADER = re.compile(r"##[ \t]+(?P<topic>[^|]*[^|\s])[ \t]*\|[ \t]*(?P<split>[\w-]+)[ \t]*$")


@dataclass(slots=True)
class Document:
    """A document of a markup file: its header's line and fields (None without a header) and its sentences."""

    line: int
    topic: str | None = None
    split: str | None = None
    sentences: list[tuple[str, list[SpanRecord]]] = field(default_factory=list)

    def joined(self, by: str | None = None) -> tuple[str, list[SpanRecord]]:
        """Text and spans of the whole document; `by` None: nothing for Chinese and Japanese, else a space."""
        if by is None:
            by = "" if is_unspaced("".join(text for text, _ in self.sentences)) else " "
        pieces: list[str] = []
        spans: list[SpanRecord] = []
        length = 0
        for text, marked in self.sentences:
            if pieces:
                length += len(by)
            spans += [SpanRecord(length + s.start, length + s.end, s.label, s.surface) for s in marked]
            pieces.append(text)
            length += len(text)
        return by.join(pieces), spans


def parse_markup(line: str) -> tuple[str, list[SpanRecord]]:
    r"""Text and spans of one line; offsets count characters of the returned text, ends exclusive.

    A square bracket without `(LABEL)` is text. `\[` and `\]` are always text; backslashes before a bracket count
    in pairs. Raises `InputError` for a closing `](LABEL)` that has no opening bracket, as nesting makes it.
    """
    if "[" not in line and "]" not in line:
        return line, []
    pieces: list[str] = []
    spans: list[SpanRecord] = []
    length = position = 0
    while match := _MARK.search(line, position):
        before = line[position : match.start()]
        _refuse_stray(before)
        position = match.end()
        if slashes := match["slashes"]:
            literal = "\\" * (len(slashes) // 2)
            if len(slashes) % 2:  # the bracket itself is escaped
                literal += line[position]
                position += 1
        else:
            literal = _ESCAPE.sub(_unescaped, match["surface"])
            start = length + len(before)
            spans.append(SpanRecord(start, start + len(literal), match["label"], literal))
        pieces += (before, literal)
        length += len(before) + len(literal)
    _refuse_stray(line[position:])
    pieces.append(line[position:])
    return "".join(pieces), spans


def _unescaped(match: re.Match[str]) -> str:
    return "\\" * (len(match[1]) // 2) + match[2]


def _refuse_stray(text: str) -> None:
    if stray := _STRAY.search(text):
        raise InputError(
            f"{stray[0]!r} closes no bracket",
            expected="[surface](LABEL), not empty and not nested",
            fix="write \\] where the bracket is text",
        )


def read_documents(lines: Iterable[tuple[int, str]], file: str) -> Iterator[Document]:
    """Documents of numbered lines; raises `InputError` (file, line) where a line cannot be parsed."""
    document: Document | None = None
    headers = False
    for number, line in lines:
        if header := _HEADER.match(line):
            if document is not None:
                yield document
            document = Document(number, header["topic"], header["split"])
            headers = True
        elif not line.strip():
            if document is not None:
                yield document
            document = None
        else:
            if _ESCAPED_HASH.match(line):
                line = line[1:]
            try:
                sentence = parse_markup(line)
            except InputError as error:
                raise InputError(
                    error.found, file=file, line=number, expected=error.expected, fix=error.fix
                ) from None
            if document is None:
                document = Document(number)
            document.sentences.append(sentence)
            if not headers:  # a line is a document until a header says otherwise
                yield document
                document = None
    if document is not None:
        yield document


def sniff(sample: Sample) -> Match | None:
    """Brackets followed by a label in parentheses, in a file that is not one of tokens."""
    marks = [
        m
        for line in sample.lines[:2000]
        for m in _MARK.finditer(line)
        if m["label"] and not (m.start() and line[m.start() - 1].isalnum())  # not a[0](x) of a program
    ]
    headers = sum(_HEADER.match(line) is not None for line in sample.lines)
    if not marks:
        return None
    if headers:
        return Match(0.95, f"{headers} `## topic | split` headers and [surface](LABEL) marks")
    labels = {m["label"] for m in marks}
    return Match(0.7, f"{len(marks)} [surface](LABEL) marks with {len(labels)} labels")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document (one a line in a file without headers)."""
    by = "" if options.lang in ("zh", "ja") else None
    for document in read_documents(source.lines(), source.name):
        text, spans = document.joined(by)
        meta = {"topic": document.topic, "split": document.split} if document.topic is not None else {}
        yield Record(source.name, document.line, text=text, spans=spans, meta=meta)


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """A header and one line of text a record. Refuses texts of several lines and labels that are no single word."""
    for count, record in enumerate(records, 1):
        refuse_missing(record, "markup")
        text, spans = text_of(record)
        flat(record, "markup", text, spans)
        if "\n" in text or "\r" in text or (text and not text.strip()):
            refuse(record, "markup", "a text of several lines or of white space alone")
        pieces: list[str] = []
        at = 0
        for span in spans:
            if not re.fullmatch(_LABEL, span.label):
                refuse(record, "markup", f"the label {span.label!r}")
            surface = _escaped(text[span.start : span.end])
            pieces.append(f"{_escaped(text[at : span.start])}[{surface}]({span.label})")
            at = span.end
        rest = text[at:]
        line = "".join(pieces) + _BRACKET.sub(r"\1\1\\\2", rest)
        if re.match(r"\\*#", line):
            line = "\\" + line
        topic = " ".join(str(record.meta.get("topic", record.meta.get("id", ""))).replace("|", " ").split())
        split = str(record.meta.get("split", "train"))
        split = split if re.fullmatch(r"[\w-]+", split) else "train"
        stream.write(f"## {topic or f'document {count}'} | {split}\n{line}\n\n")


def _escaped(text: str) -> str:
    """Text that ends before a bracket of a mark."""
    text = _BRACKET.sub(r"\1\1\\\2", text)
    return re.sub(r"(?<!\\)\\+$", lambda run: run[0] * 2, text)


MARKUP = Format(
    name="markup",
    description="inline markup, [Marie Curie](PER), one sentence a line",
    extensions=(".md", ".markdown", ".txt"),
    sniff=sniff,
    read=read,
    write=write,
)
