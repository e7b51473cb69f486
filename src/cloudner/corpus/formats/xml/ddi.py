"""XML with a sentence's text and its entities' places in attributes: DDI, and AIMed, BioInfer and others in one schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.spans import Where, label_of
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_PLACE = re.compile(r"\s*(\d{1,9})-(\d{1,9})\s*")


class _Sentences(Handler):
    def __init__(self, file: str, options: ReadOptions) -> None:
        super().__init__(file)
        self.options = options
        self.records: list[Record] = []
        self.relations = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if name == "sentence" and "text" in attrs:
            meta = {"id": attrs["id"]} if attrs.get("id") else {}
            self.records.append(Record(self.file, self.line, attrs["text"], meta=meta))
        elif name == "entity" and self.records:
            self._entity(attrs)
        elif name == "pair":
            # those of DDI say with "false" that there is none
            self.relations += all(attrs.get(key, "true").lower() != "false" for key in ("ddi", "interaction"))

    def _entity(self, attrs: Any) -> None:
        record = self.records[-1]
        where = Where(self.file, self.line, f"<entity id={attrs.get('id', '')!r}>")
        given = [_PLACE.fullmatch(part) for part in re.split(r"[;,]", attrs.get("charOffset", ""))]
        places = [(int(match[1]), int(match[2])) for match in given if match]
        if len(places) < len(given) or any(first > last for first, last in places):
            raise where.error(
                f"charOffset={attrs.get('charOffset')!r}", 'charOffset="0-4", with the last character'
            )
        label = label_of(attrs.get("type") or "entity", self.options, where)[0]
        (start, _), (_, end) = min(places), max(places)
        stored = attrs.get("text") or None
        if len(places) > 1:
            done = f"{label} {stored!r} in {len(places)} parts made one span"
            record.notes.append(("unsupported", "changed", done))
            stored = None
        # the last character is meant, but for files whose own words say otherwise
        end += stored is None or (record.text or "")[start:end] != stored
        record.spans.append(SpanRecord(start, end, label, stored))


def _sniff(sample: Sample) -> Match | None:
    if re.search(r"<sentence\b[^<>]*\btext\s*=", sample.text) and re.search(
        r"<entity\b[^<>]*\bcharOffset\s*=", sample.text
    ):
        return Match(0.97, "sentences with entities by charOffset (DDI)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence."""
    found = _Sentences(source.name, options)
    parse(source.text(), found)
    if not found.records:
        raise InputError(
            "no sentence with a text", file=source.name, line=1, expected='<sentence text="...">'
        )
    if found.relations:
        found.records[0].notes.append(("unsupported", "noted", f"{found.relations} relations left out"))
    for record in found.records:
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<document id="curie">
  <sentence id="curie.s0" text="Marie Curie was born in Warsaw.">
    <entity id="curie.s0.e0" charOffset="0-10" type="PER" text="Marie Curie"/>
    <entity id="curie.s0.e1" charOffset="24-29" type="LOC" text="Warsaw"/>
  </sentence>
</document>
"""
DDI = Format(
    "ddi",
    "DDI's XML: sentences with their text and entities by charOffset (AIMed, BioInfer, PGR too)",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
