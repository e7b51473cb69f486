"""SemEval's aspects (ABSA) in XML: sentences with `<aspectTerm term= from= to=>` (2014) or `<Opinion target= from= to=>`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.spans import Where, label_of, offset
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

# Element -> where it has its words and its label.
_MARKS = {"aspectTerm": ("term", "polarity"), "Opinion": ("target", "category")}
_NO_WORDS = "NULL"  # an opinion of what the sentence does not name


class _Sentences(Handler):
    def __init__(self, file: str, options: ReadOptions) -> None:
        super().__init__(file)
        self.options = options
        self.records: list[Record] = []
        self.now: Record | None = None
        self.in_text = False
        self.pieces: list[str] = []
        self.nameless = 0  # opinions without words
        self.polarities = 0  # of opinions whose label is their category

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if name == "sentence":
            self.now = Record(self.file, self.line, "", meta={"id": attrs["id"]} if attrs.get("id") else {})
        elif name == "text" and self.now is not None:
            self.in_text, self.pieces = True, []
        elif name in _MARKS and self.now is not None:
            words, label = _MARKS[name]
            if attrs.get(words) == _NO_WORDS:
                self.nameless += 1
                return
            where = Where(self.file, self.line, f"<{name}>")
            if not {"from", "to", label} <= set(attrs.keys()):
                raise where.error(
                    f"it has {', '.join(attrs.keys())}", f'{words}="..." {label}="..." from="0" to="5"'
                )
            self.polarities += label != "polarity" and "polarity" in attrs
            start, end = (offset(attrs[key], where) for key in ("from", "to"))
            named = label_of(attrs[label], self.options, where)[0]
            self.now.spans.append(SpanRecord(start, end, named, attrs.get(words)))

    def characters(self, content: str) -> None:
        if self.in_text:
            self.pieces.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        if name == "text" and self.now is not None:
            self.in_text, self.now.text = False, "".join(self.pieces)
        elif name == "sentence" and self.now is not None:
            self.now.spans = sorted(dict.fromkeys(self.now.spans), key=lambda span: (span.start, -span.end))
            self.records.append(self.now)
            self.now = None


def _sniff(sample: Sample) -> Match | None:
    marks = re.search(r"<aspectTerm\s[^<>]*\bterm\s*=|<Opinion\s[^<>]*\btarget\s*=", sample.text)
    if marks and re.search(r"<sentence\b", sample.text) and re.search(r"\bfrom\s*=\s*[\"']\d", sample.text):
        return Match(0.97, "sentences with aspectTerm or Opinion elements (SemEval ABSA)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence. The label is the polarity of a term, the category of an opinion."""
    found = _Sentences(source.name, options)
    parse(source.text(), found)
    if not found.records:
        raise InputError("no sentence in it", file=source.name, line=1, expected="<sentence><text>...</text>")
    notes = found.records[0].notes
    if found.nameless:
        done = f"{found.nameless} opinions of what their sentence does not name left out"
        notes.append(("unsupported", "noted", done))
    if found.polarities:
        notes.append(("unsupported", "noted", f"the polarity of {found.polarities} opinions left out"))
    yield from found.records


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<sentences>
  <sentence id="curie">
    <text>Marie Curie was born in Warsaw.</text>
    <aspectTerms>
      <aspectTerm term="Marie Curie" polarity="PER" from="0" to="11"/>
      <aspectTerm term="Warsaw" polarity="LOC" from="24" to="30"/>
    </aspectTerms>
  </sentence>
</sentences>
"""
SEMEVAL = Format(
    "semeval-absa",
    "SemEval's aspects in XML: aspectTerm with its polarity, Opinion with its category",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
