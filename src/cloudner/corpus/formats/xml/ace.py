"""ACE 2005: NAME.apf.xml with the mentions of entities, values and times, the text they count in NAME.sgm."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_TAG = re.compile(r"<[^<>]*>")
_KINDS = ("entity", "value", "timex2")
_OTHERS = ("relation", "event")


class _Mentions(Handler):
    """The extents of all mentions, their ends exclusive."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.spans: list[SpanRecord] = []
        self.text_name = self.identity = self.label = ""
        self.path: list[str] = []
        self.place = (0, 0)
        self.words: list[str] = []
        self.heads = 0
        self.others = dict.fromkeys(_OTHERS, 0)

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.path.append(name)
        if name == "source_file":
            self.text_name = attrs.get("URI", "")
        elif name == "document":
            self.identity = attrs.get("DOCID", "")
        elif name in _KINDS:
            self.label = attrs.get("TYPE") or name.upper()
        elif name in _OTHERS:
            self.others[name] += 1
        elif name == "charseq":
            self.words = []
            start, end = attrs.get("START", ""), attrs.get("END", "")
            if not (start.isdecimal() and end.isdecimal() and int(start) <= int(end)):
                raise InputError(
                    f"<charseq START={start!r} END={end!r}>",
                    file=self.file,
                    line=self.line,
                    expected='<charseq START="0" END="10"> with the first and the last character',
                )
            self.place = (int(start), int(end) + 1)

    def characters(self, content: str) -> None:
        self.words.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.path.pop()
        if name == "charseq" and len(self.path) > 2 and self.path[-2].removesuffix("_mention") in _KINDS:
            if self.path[-1] == "extent":
                self.spans.append(SpanRecord(*self.place, self.label, "".join(self.words)))
            elif self.path[-1] == "head":
                self.heads += 1


def _sniff(sample: Sample) -> Match | None:
    if re.search(r"<source_file\b[^>]*\bURI\s*=", sample.text[:4000]) and re.search(
        r"<(?:entity|value|timex2)_mention\b|<document\b[^>]*\bDOCID\s*=", sample.text
    ):
        return Match(0.98, "a source_file with mentions by charseq (ACE)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The one record of a pair. Offsets count the text without its tags; all of the text is kept, its heading too."""
    found = _Mentions(source.name)
    parse(source.text(), found)
    text_source = source.sibling(".sgm") or text_beside(
        source, found.text_name or "NAME.sgm", "the text in an .sgm file beside the .apf.xml file"
    )
    text = _TAG.sub("", text_source.text())
    record = Record(text_source.name, 1, text, meta={"id": found.identity} if found.identity else {})
    for span in found.spans:
        # what stands in the text as &amp; is stored as &
        same = html.unescape(text[span.start : span.end]).split() == (span.surface or "").split()
        record.spans.append(span._replace(surface=None) if same else span)
    record.spans.sort(key=lambda span: (span.start, -span.end))
    if found.heads:
        done = f"whole extents of mentions are read; {found.heads} heads left out"
        record.notes.append(("unsupported", "noted", done))
    if any(found.others.values()):
        done = f"{found.others['relation']} relations and {found.others['event']} events left out"
        record.notes.append(("unsupported", "noted", done))
    yield record


_EXAMPLE = {
    "curie.apf.xml": """<?xml version="1.0"?>
<source_file URI="curie.sgm" SOURCE="newswire" TYPE="text">
<document DOCID="curie">
<entity ID="curie-E1" TYPE="PER"><entity_mention ID="curie-E1-1" TYPE="NAM">
  <extent><charseq START="0" END="10">Marie Curie</charseq></extent>
</entity_mention></entity>
<entity ID="curie-E2" TYPE="LOC"><entity_mention ID="curie-E2-1" TYPE="NAM">
  <extent><charseq START="24" END="29">Warsaw</charseq></extent>
</entity_mention></entity>
</document>
</source_file>
""",
    "curie.sgm": "<DOC><TEXT>Marie Curie was born in Warsaw.</TEXT></DOC>\n",
}
ACE = Format(
    "ace",
    "ACE 2005: NAME.apf.xml beside NAME.sgm",
    (".apf.xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
