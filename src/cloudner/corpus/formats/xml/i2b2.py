"""i2b2, n2c2 and MAE XML: `<TEXT>` with the document, `<TAGS>` with one element an annotation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_TAGS = re.compile(r"<TAGS\s*/?>")
_RELATION = {"from", "to", "fromID", "toID"}  # attributes of links between tags


class _Document(Handler):
    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.pieces: list[str] = []
        self.has_text = False
        self.path: list[str] = []
        self.spans: list[SpanRecord] = []
        self.notes: list[tuple[str, str, str]] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if self.path and self.path[-1] == "TAGS":
            self._annotation(name, attrs)
        self.path.append(name)
        self.has_text = self.has_text or name == "TEXT"

    def endElement(self, name: str) -> None:  # noqa: N802
        self.path.pop()

    def characters(self, content: str) -> None:
        if self.path and self.path[-1] == "TEXT":
            self.pieces.append(content)

    def _annotation(self, name: str, attrs: Any) -> None:
        places = self._places(name, attrs)
        text = attrs.get("text") or None
        if not places:
            if text is not None:
                done = f"<{name} text={text[:40]!r}> has neither start and end nor spans: dropped"
                self.notes.append(("unsupported", "dropped", done))
            elif places is None:
                what = "a tag of the whole document" if _RELATION.isdisjoint(attrs.keys()) else "a relation"
                self.notes.append(("unsupported", "noted", f"<{name}> is {what}: left out"))
            return
        label = attrs.get("TYPE") or name
        if len(places) > 1:
            done = f"{label} {text!r} in {len(places)} parts made one span"
            self.notes.append(("unsupported", "changed", done))
            text = None
        self.spans.append(SpanRecord(places[0][0], max(end for _, end in places), label, text))

    def _places(self, name: str, attrs: Any) -> list[tuple[int, int]] | None:
        """The parts of the text that a tag is on, in order; none for what is said nowhere, None without offsets."""
        if "spans" in attrs:  # MAE 2
            shown = f"<{name} spans={attrs['spans']!r}>"
            pairs = [each.strip().partition("~")[::2] for each in attrs["spans"].split(",") if each.strip()]
        elif "start" in attrs and "end" in attrs:
            shown = f"<{name} start={attrs['start']!r} end={attrs['end']!r}>"
            pairs = [(attrs["start"], attrs["end"])]
        else:
            return None
        pairs = [pair for pair in pairs if pair[0] != "-1"]  # MAE's way to say: nowhere in the text
        if not all(a.isdecimal() and b.isdecimal() and int(a) <= int(b) for a, b in pairs):
            raise InputError(
                shown,
                file=self.file,
                line=self.line,
                expected="offsets from 0, counted in characters, start before end",
                fix="mend the line",
            )
        return sorted((int(a), int(b)) for a, b in pairs)


def sniff(sample: Sample) -> Match | None:
    if "<TEXT>" in sample.text and (_TAGS.search(sample.text) or "<deIdi2b2" in sample.text):
        return Match(0.99, "an XML document with <TEXT> and <TAGS>")
    return None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a file; a label is the attribute TYPE where it is given, else the element's name."""
    document = _Document(source.name)
    parse(source.text(), document)
    if not document.has_text:
        raise InputError("no <TEXT> element", file=source.name, line=1, expected="<TEXT> and <TAGS>")
    spans = sorted(document.spans, key=lambda s: (s.start, -s.end, s.label))
    yield Record(source.name, 1, text="".join(document.pieces), spans=spans, notes=document.notes)


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8" ?>
<deIdi2b2>
<TEXT><![CDATA[Marie Curie was born in Warsaw.
]]></TEXT>
<TAGS>
<NAME id="P0" start="0" end="11" text="Marie Curie" TYPE="PER" comment="" />
<LOCATION id="P1" start="24" end="30" text="Warsaw" TYPE="LOC" comment="" />
</TAGS>
</deIdi2b2>
"""
I2B2 = Format(
    name="i2b2",
    description="i2b2, n2c2 and MAE XML, <TEXT> and <TAGS>",
    extensions=(".xml",),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)
