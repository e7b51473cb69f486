"""Knowtator (1 and 2) and eHOST: XML with spans by offsets and the class of each, beside the text that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import choose
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.spans import Where, label_of, offset
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_ROOT = re.compile(r"<annotations\b[^<>]*\btextSource\s*=|<knowtator-project\b")
_FOLDERS = ("", "corpus/", "articles/")  # eHOST and Knowtator 2 keep the texts apart
_Part = tuple[int, int]


class _Annotation:
    def __init__(self, line: int, who: str) -> None:
        self.line, self.who, self.mention, self.label = line, who, "", ""
        self.parts: list[_Part] = []
        self.words: list[str] = []


class _Documents(Handler):
    """texts: line and name of each text, in order, with its annotations. labels: of a text's mentions, by their ids."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.texts: list[tuple[int, str, list[_Annotation]]] = []
        self.labels: dict[str, str] = {}
        self.others = 0
        self._mention = ""
        self._open: _Annotation | None = None
        self._words: list[str] | None = None

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if name in ("annotations", "document") and ("textSource" in attrs or "text-file" in attrs):
            self.texts.append((self.line, attrs.get("textSource") or attrs.get("text-file"), []))
        elif name == "annotation" and self.texts:
            self._open = _Annotation(self.line, attrs.get("annotator", ""))
            self.texts[-1][2].append(self._open)
        elif name == "classMention":
            self._mention = attrs.get("id", "")
        elif name == "mentionClass":
            self.labels[self._mention] = attrs.get("id", "")
        elif name == "triple" or name == "complexSlotMention":
            self.others += 1
        elif self._open is not None:
            self._within(self._open, name, attrs)

    def _within(self, annotation: _Annotation, name: str, attrs: Any) -> None:
        if name == "mention":
            annotation.mention = attrs.get("id", "")
        elif name == "class":
            annotation.label = attrs.get("label") or attrs.get("id", "")
        elif name == "span":
            where = Where(self.file, self.line, "<span>")
            annotation.parts.append((offset(attrs.get("start"), where), offset(attrs.get("end"), where)))
            self._words = []
        elif name in ("spannedText", "annotator"):
            self._words = []

    def endElement(self, name: str) -> None:  # noqa: N802
        if name == "annotation":
            self._open = None
        elif self._open is not None and self._words is not None:
            words = "".join(self._words).strip()
            if name == "annotator":
                self._open.who = words
            elif words and name in ("span", "spannedText"):
                self._open.words.append(words)
            self._words = None

    def characters(self, content: str) -> None:
        if self._words is not None:
            self._words.append(content)


def _sniff(sample: Sample) -> Match | None:
    if _ROOT.search(sample.text):
        return Match(0.98, "annotations of a text that is named (Knowtator, eHOST)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a text. Of several annotators one is read, as of other tools."""
    found = _Documents(source.name)
    parse(source.text(), found)
    if not found.texts:
        raise InputError(
            "no text is named in it", file=source.name, line=1, expected='<annotations textSource="a.txt">'
        )
    for line, name, marks in found.texts:
        record = Record(source.name, line, _text(source, name), meta={"id": name})
        if found.others:
            record.notes.append(("unsupported", "noted", f"{found.others} relations left out"))
            found.others = 0
        versions: dict[str, list[SpanRecord]] = {}
        for annotation in marks:
            span = _span(annotation, found.labels, options, record)
            if span is not None:
                versions.setdefault(annotation.who or "1", []).append(span)
        for spans in versions.values():
            spans.sort(key=lambda span: (span.start, -span.end))
        choose(record, [*versions.items()] or [("1", [])], options)
        yield record


def _text(source: Source, name: str) -> str:
    near = (folder + name for folder in _FOLDERS[1:] if source.neighbour(name) is None)
    there = next((each for each in near if source.neighbour(each) is not None), name)
    return text_beside(source, there, "the text that the annotations belong to").text()


def _span(
    annotation: _Annotation, labels: dict[str, str], options: ReadOptions, record: Record
) -> SpanRecord | None:
    """An annotation as one span over all its parts; None for one of the document as such, which is noted."""
    where = Where(record.file, annotation.line, "<annotation>")
    label = annotation.label or labels.get(annotation.mention, "")
    if not annotation.parts:
        record.notes.append(("unsupported", "noted", f"{label or 'an annotation'} has no span: left out"))
        return None
    start, end = min(first for first, _ in annotation.parts), max(last for _, last in annotation.parts)
    stored = " ".join(annotation.words) or None
    if len(annotation.parts) > 1:
        record.notes.append(
            ("unsupported", "changed", f"{label} {stored!r} in {len(annotation.parts)} parts made one span")
        )
        stored = None
    return SpanRecord(start, end, label_of(label, options, where)[0], stored)


_EXAMPLE = {
    "curie.txt.knowtator.xml": """<?xml version="1.0" encoding="UTF-8"?>
<annotations textSource="curie.txt">
  <annotation><mention id="1"/><annotator id="a">Ann</annotator><span start="0" end="11"/><spannedText>Marie Curie</spannedText></annotation>
  <annotation><mention id="2"/><annotator id="a">Ann</annotator><span start="24" end="30"/><spannedText>Warsaw</spannedText></annotation>
  <classMention id="1"><mentionClass id="PER">Marie Curie</mentionClass></classMention>
  <classMention id="2"><mentionClass id="LOC">Warsaw</mentionClass></classMention>
</annotations>
""",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
KNOWTATOR = Format(
    "knowtator",
    "Knowtator's and eHOST's XML beside its texts",
    (".knowtator.xml", ".knowtator", ".xml"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
