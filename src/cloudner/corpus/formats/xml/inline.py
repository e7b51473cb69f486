"""Entities as XML elements in the text: `<PERSON>Ann</PERSON>`, `<ENAMEX TYPE="PERSON">Ann</ENAMEX>`.

A file is one XML document, or lines of text with elements and no root. In the latter every line is a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.words import refuse, refuse_missing, text_of, unused
from cloudner.corpus.formats.xml.documents import read_document
from cloudner.corpus.formats.xml.labels import BREAKS, CARRIERS, label_of
from cloudner.corpus.formats.xml.line_marks import as_elements, has_barred_words, unpadded, without_bars
from cloudner.corpus.formats.xml.sgml import BARE, NAME
from cloudner.corpus.formats.xml.tree import READINGS
from cloudner.errors import InputError

_TAG = re.compile(
    rf"<(?P<close>/?)(?P<name>{NAME})(?P<attrs>(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|{BARE}))*)\s*(?P<empty>/?)>"
)
_ATTRIBUTE = re.compile(r"(?<![\w:.-])([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>=/]+))")
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d+)|#x([0-9A-Fa-f]+));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_NUMBERED = re.compile(r"(?P<text>.*\S)\t(?P<id>\d+)\s*")  # a sentence with its number behind it
_VOID = BREAKS | {"hr", "img"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def sniff(sample: Sample) -> Match | None:
    if re.search(
        r"<(?:html|GateDocument|deIdi2b2|collection|annotation_set)\b|<TAGS\b",
        sample.text[:20000],
        re.IGNORECASE,
    ):
        return None
    labels = set()
    pairs = 0
    text = as_elements(sample.text)
    for match in re.finditer(rf"<({NAME})(\s[^<>]*)?>([^<>]+)</\1>", text):
        attrs = {a[0]: a[1] or a[2] or a[3] for a in _ATTRIBUTE.findall(match[2] or "")}
        label = label_of(match[1], attrs)
        before = text[max(0, match.start() - 40) : match.start()].rstrip(" \t")[-1:]
        after = text[match.end() : match.end() + 40].lstrip(" \t")[:1]
        in_text = (before not in ("", "\n", ">")) or (after not in ("", "\n", "<"))
        if label is not None and (in_text or match[1].lower() in CARRIERS):
            pairs += 1
            labels.add(label)
    if not pairs:
        return None
    shown = ", ".join(sorted(labels)[:3])
    return Match(0.85, f"{pairs} elements within the text ({shown})")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document element, sentence element or line, whichever the file has."""
    first = as_elements(next((line for line in source.sample().lines if line.strip()), ""))
    if first.lstrip().startswith(("<?xml", "<!DOCTYPE")) or _opens_more(first):
        yield from read_document(source)
        return
    found = False
    barred = has_barred_words(source.sample())
    numbered = all(map(_NUMBERED.fullmatch, filter(str.strip, source.sample().lines[:200])))
    for number, line in source.lines():
        if line.strip():
            found = True
            match = _NUMBERED.fullmatch(line) if numbered else None
            line, readings = _first_readings(unpadded(as_elements(match["text"] if match else line)))
            text, spans = parse_line(line, source.name, number)
            meta = {"id": match["id"]} if match else {}
            record = Record(source.name, number, text=text, spans=spans, meta=meta)
            if readings:
                done = f"{readings} <{READINGS}> elements have several readings: took the first of each"
                record.notes.append(("unsupported", "noted", done))
            yield without_bars(record) if barred else record
    if not found:
        raise InputError(
            "no text in the file", file=source.name, expected="text with <LABEL>...</LABEL> elements"
        )


def _first_readings(line: str) -> tuple[str, int]:
    """The line with the first reading of each `<ALT>a | b</ALT>`, and how many had others."""
    opened, closed = f"<{READINGS}>", f"</{READINGS}>"
    head, *parts = line.split(opened)
    count = 0
    for part in parts:
        inside, close, after = part.partition(closed)
        first, bar, _ = inside.partition("|")
        count += bool(bar and close)
        head += opened + (first.rstrip() if bar and close else inside) + close + after
    return head, count


def _opens_more(line: str) -> bool:
    """Does a line begin with an element that it does not close?"""
    if not line.lstrip().startswith("<"):
        return False
    depth = 0
    for tag in _TAG.finditer(line):
        if tag["empty"] or tag["name"].lower() in _VOID:
            continue
        depth += -1 if tag["close"] else 1
    return depth > 0


def parse_line(line: str, file: str, number: int) -> tuple[str, list[SpanRecord]]:
    """Text and spans of a line without root. Raises InputError for elements that do not pair within it."""
    pieces: list[str] = []
    spans: list[SpanRecord] = []
    open_tags: list[tuple[str, str | None, int]] = []
    length = position = 0

    def fail(found: str) -> InputError:
        return InputError(
            found,
            file=file,
            line=number,
            expected="every element opened and closed in its line",
            fix="mend the line; a < that is text is written &lt;",
        )

    def add(piece: str) -> int:
        piece = _REFERENCE.sub(_character, piece)
        pieces.append(piece)
        return len(piece)

    for tag in _TAG.finditer(line):
        length += add(line[position : tag.start()])
        position = tag.end()
        name = tag["name"]
        if tag["close"]:
            if not open_tags or open_tags[-1][0] != name:
                raise fail(f"</{name}> closes " + (f"<{open_tags[-1][0]}>" if open_tags else "nothing"))
            _, label, start = open_tags.pop()
            parts = name == READINGS and any(
                span.start >= start for span in spans
            )  # around entities, none itself
            if label is not None and not parts:
                spans.append(SpanRecord(start, length, label))
        elif name.lower() in BREAKS and length and not pieces[-1][-1:].isspace():
            length += add(" ")
        elif not tag["empty"] and name.lower() not in _VOID:
            attrs = {
                a[0]: _REFERENCE.sub(_character, a[1] or a[2] or a[3])
                for a in _ATTRIBUTE.findall(tag["attrs"])
            }
            open_tags.append((name, label_of(name, attrs), length))
    add(line[position:])
    if open_tags:
        raise fail(f"<{open_tags[-1][0]}> is not closed")
    spans.reverse()  # of two around the same words the one that was closed last is around the other
    return "".join(pieces), sorted(spans, key=lambda s: (s.start, -s.end))


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    code = int(match[2]) if match[2] else int(match[3], 16)
    return chr(code) if 0 < code < 0x110000 else match[0]


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """`<corpus>` of `<doc>` elements; labels that are no XML names go into `<entity type="...">`."""
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n<corpus>\n')
    used: set[str] = set()
    for count, record in enumerate(records, 1):
        refuse_missing(record, "inline-xml")
        text, spans = text_of(record)
        if _CONTROL.search(text):
            refuse(record, "inline-xml", "a control character")
        own = record.meta.get("id")
        identity = f" id={quoteattr(unused(str(own), count, used))}" if own else ""
        stream.write(f'<doc{identity} xml:space="preserve">')
        at = 0
        open_spans: list[tuple[int, str]] = []
        for span in [*spans, None]:
            while open_spans and (span is None or open_spans[-1][0] <= span.start):
                end, name = open_spans.pop()
                stream.write(_escaped(text[at:end]) + f"</{name}>")
                at = end
            if span is None:
                break
            if not 0 <= span.start < span.end <= len(text):
                refuse(
                    record, "inline-xml", f"the empty or outlying span {span.start}:{span.end}:{span.label}"
                )
            if open_spans and span.end > open_spans[-1][0]:
                refuse(
                    record,
                    "inline-xml",
                    f"the span {span.start}:{span.end}:{span.label}, which crosses another",
                )
            if not span.label or _CONTROL.search(span.label):
                refuse(record, "inline-xml", f"the label {span.label!r}")
            plain = _SAFE_NAME.fullmatch(span.label) and label_of(span.label, {}) == span.label
            plain = plain and span.label.lower() not in CARRIERS and not span.label.lower().startswith("xml")
            name = span.label if plain else "entity"
            stream.write(
                _escaped(text[at : span.start])
                + (f"<{name}>" if plain else f"<entity type={_quoted(span.label)}>")
            )
            at = span.start
            open_spans.append((span.end, name))
        stream.write(_escaped(text[at:]) + "</doc>\n")
    stream.write("</corpus>\n")


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _quoted(label: str) -> str:
    return quoteattr(label, {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})


INLINE_XML = Format(
    name="inline-xml",
    description="entities as XML elements in the text, <PERSON>Ann</PERSON> or <ENAMEX TYPE=...>",
    extensions=(".xml", ".sgm", ".sgml", ".txt"),
    sniff=sniff,
    read=read,
    write=write,
)
