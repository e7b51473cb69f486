"""BioC XML: documents of passages with annotations by offsets into the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.passages import Annotation, document
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError


class _Annotation:
    def __init__(self) -> None:
        self.label = self.text = ""
        self.locations: list[tuple[int, int]] = []


class _Documents(Handler):
    """Records of a collection. Offsets count characters of the document, in which passages lie apart."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.records: list[Record] = []
        self.path: list[str] = []
        self.characters_seen: list[str] = []
        self.infon = ""
        self.passages: list[tuple[int, str]] = []
        self.annotations: list[_Annotation] = []
        self.offset, self.identity, self.first_line, self.relations = 0, "", 1, 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.path.append(name)
        self.characters_seen = []
        if name == "document":
            self.passages, self.annotations, self.identity = [], [], ""
            self.first_line, self.relations = self.line, 0
        elif name == "annotation":
            self.annotations.append(_Annotation())
        elif name == "infon":
            self.infon = attrs.get("key", "")
        elif name == "relation":
            self.relations += 1
        elif name == "location" and "annotation" in self.path:
            try:
                start, length = int(attrs.get("offset", "")), int(attrs.get("length", ""))
            except ValueError:
                raise InputError(
                    f"a location without whole numbers ({dict(attrs.items())})",
                    file=self.file, line=self.line, expected='<location offset="0" length="5"/>',
                ) from None  # fmt: skip
            self.annotations[-1].locations.append((start, start + length))

    def characters(self, content: str) -> None:
        self.characters_seen.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        content = "".join(self.characters_seen)
        self.characters_seen = []
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        if parent == "annotation":
            if name == "infon" and self.infon == "type":
                self.annotations[-1].label = content.strip()
            elif name == "text":
                self.annotations[-1].text = content
        elif name == "id" and parent == "document":
            self.identity = content.strip()
        elif name == "offset":
            self.offset = int(content) if content.strip().isdigit() else 0
        elif name == "text" and parent in ("passage", "sentence"):
            self.passages.append((self.offset, content))
        elif name == "document":
            self.records.append(self._record())

    def _record(self) -> Record:
        annotations = [Annotation(each.label, each.text, each.locations) for each in self.annotations]
        return document(self.file, self.first_line, self.identity, self.passages, annotations, self.relations)


def _sniff(sample: Sample) -> Match | None:
    if re.search(r"<collection>\s*<source>|BioC\.dtd", sample.text[:4000]) and "<passage>" in sample.text:
        return Match(0.98, "a collection of passages (BioC)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    documents = _Documents(source.name)
    parse(source.text(), documents)
    if not documents.records:
        raise InputError("no document in it", file=source.name, line=1, expected="<document> with <passage>s")
    yield from documents.records


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<collection><source>example</source><date/><key/>
<document><id>curie</id>
<passage><offset>0</offset><text>Marie Curie was born in Warsaw.</text>
<annotation id="1"><infon key="type">PER</infon><location offset="0" length="11"/><text>Marie Curie</text></annotation>
<annotation id="2"><infon key="type">LOC</infon><location offset="24" length="6"/><text>Warsaw</text></annotation>
</passage>
</document>
</collection>
"""
BIOC = Format(
    "bioc",
    "BioC XML: passages with annotations by offsets",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
