"""XML with a text in `<text>` and its entities in elements beside it, with start and end as attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.spans import Where, offset
from cloudner.corpus.formats.xml.labels import CARRIERS, label_of
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_TEXT = "text"
_STARTS = ("start", "begin", "startoffset", "beginoffset", "startindex", "startchar", "from")
_ENDS = ("end", "endoffset", "endindex", "endchar", "to")
_LABELS = ("type", "label", "class", "category", "tag")
_OPENS = re.compile(r"<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))+)\s*/?>")
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class _Place(NamedTuple):
    start: str
    end: str
    label: str


def _place(name: str, attrs: Mapping[str, str]) -> _Place | None:
    """Start, end and label of an element that has them; None for another."""
    plain = {key.lower().replace("_", "").replace("-", ""): value for key, value in attrs.items()}
    start, end = (next((plain[key] for key in keys if key in plain), None) for keys in (_STARTS, _ENDS))
    if start is None or end is None or not (name.lower() in CARRIERS or any(key in plain for key in _LABELS)):
        return None
    own = next((plain[key] for key in _LABELS if plain.get(key)), None)
    label = own or label_of(name, attrs)
    return _Place(start, end, label) if label else None


class _Texts(Handler):
    """The texts of a file and the spans of each, in whichever order they stand beside one another."""

    def __init__(self, file: str, options: ReadOptions) -> None:
        super().__init__(file)
        self.options = options
        self.records: list[Record] = []
        self.path: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[list[str]] = []
        self.text: tuple[int, str, dict[str, Any]] | None = None  # line, text, meta data
        self.around = 0  # how many elements are open around the text
        self.spans: list[SpanRecord] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.path.append((name, dict(attrs.items())))
        self.pieces.append([])

    def characters(self, content: str) -> None:
        if self.pieces:
            self.pieces[-1].append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        attrs = self.path.pop()[1]
        own = "".join(self.pieces.pop())
        place = _place(name, attrs)
        if place is not None:
            where = Where(self.file, self.line, f"<{name}>")
            surface = attrs.get("text") or own.strip() or None
            label = self.options.labels.get(place.label, place.label)
            span = SpanRecord(offset(place.start, where), offset(place.end, where), label, surface)
            self.spans.append(span)
        elif name.lower() == _TEXT:
            if self.text is not None:
                self.flush()
            around = self.path[-1][1] if self.path else {}
            identity = next(
                (around[key] for key in ("id", "xml:id", "docid", "name") if around.get(key)), None
            )
            self.text = (self.line, own, {"id": identity} if identity else {})
            self.around = len(self.path)
        elif self.text is not None and len(self.path) < self.around and self.spans:
            self.flush()

    def flush(self) -> None:
        if self.text is not None:
            line, text, meta = self.text
            record = Record(self.file, line - text.count("\n"), text, meta=meta)
            record.spans = sorted(self.spans, key=lambda span: (span.start, -span.end))
            self.records.append(record)
        self.text, self.spans = None, []


def _sniff(sample: Sample) -> Match | None:
    if not re.search(r"<text\b[^<>]*>[^<]", sample.text, re.IGNORECASE):
        return None
    for match in _OPENS.finditer(sample.text):
        place = _place(match[1], {key: a or b for key, a, b in _ATTRIBUTE.findall(match[2])})
        if place is not None and place.start.isdecimal() and place.end.isdecimal():
            return Match(0.9, f"a <text>, and <{match[1]}> with start and end ({place.label})")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a text."""
    found = _Texts(source.name, options)
    parse(source.text(), found)
    left = found.spans if found.text is None else []
    found.flush()
    if not found.records or left:
        raise InputError(
            "entities with offsets, and no <text> that they count in",
            file=source.name,
            line=1,
            expected='<text>Ann left.</text> beside <entity type="PER" start="0" end="3"/>',
        )
    yield from found.records


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<document id="curie">
<text>Marie Curie was born in Warsaw.</text>
<entities>
  <entity type="PER" start="0" end="11">Marie Curie</entity>
  <entity type="LOC" start="24" end="30">Warsaw</entity>
</entities>
</document>
"""
XML_STANDOFF = Format(
    "xml-standoff",
    "XML with a text and its entities beside it, start and end as attributes",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
