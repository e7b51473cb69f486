"""NKJP, the National Corpus of Polish: names in ann_named.xml that point at the words of ann_morphosyntax.xml beside it.

A name consists of words and of other names. Its type is the label (persName, placeName, geogName, orgName, date, time).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.spans import Where, label_of
from cloudner.corpus.formats.xml.marked_words import Passage, mark_words
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_MOST_NAMES = 50  # names within names; more point at one another


class _Segments(Handler):
    """`<seg>` elements with the first value of each of their features."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.seg: dict[str, str] | None = None
        self.features: list[str] = []  # names of those that are open
        self.pieces: list[str] = []
        self.line_of_seg = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.pieces = []
        if name == "seg":
            self.seg, self.line_of_seg = {"id": attrs.get("xml:id", "")}, self.line
        elif name == "f":
            self.features.append(attrs.get("name", ""))
        elif name in ("symbol", "binary"):
            self._value(attrs.get("value", ""))
        else:
            self.begin(name, attrs)

    def _value(self, value: str) -> None:
        if self.seg is not None and self.features:
            self.seg.setdefault(self.features[-1], value)

    def characters(self, content: str) -> None:
        self.pieces.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        if name == "string":
            self._value("".join(self.pieces))
        elif name == "f":
            self.features.pop()
        elif name == "seg" and self.seg is not None:
            self.end(self.seg)
            self.seg = None

    def begin(self, name: str, attrs: Any) -> None:
        """An element that is no segment and no feature."""
        raise NotImplementedError

    def end(self, seg: dict[str, str]) -> None:
        """A segment that has ended."""
        raise NotImplementedError


class _Words(_Segments):
    """The words of ann_morphosyntax.xml."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.passages: list[Passage] = []
        self.words: dict[str, tuple[Passage, int]] = {}

    def begin(self, name: str, attrs: Any) -> None:
        if name == "p" or (name == "s" and not self.passages):
            self.passages.append(Passage(self.line, attrs.get("xml:id", "")))
        if name == "s":
            self.passages[-1].begin_sentence()

    def end(self, seg: dict[str, str]) -> None:
        if not self.passages or not seg.get("orth"):
            raise Where(self.file, self.line_of_seg, "<seg>").error(
                "a word without orth", '<f name="orth"><string>Ann</string></f>'
            )
        now = self.passages[-1]
        if seg.get("nps") == "true" and now.spaces:
            now.spaces[-1] = False
        self.words[seg["id"]] = (now, now.add(seg["orth"]))


class _Names(_Segments):
    """The names of ann_named.xml and what they point at."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.names: dict[str, tuple[int, str]] = {}  # line and type
        self.targets: dict[str, list[str]] = {}
        self.file_of_words = ""

    def begin(self, name: str, attrs: Any) -> None:
        if name == "ptr" and self.seg is not None:
            file, _, identity = attrs.get("target", "").rpartition("#")
            self.file_of_words = self.file_of_words or file
            self.targets.setdefault(self.seg["id"], []).append(identity)

    def end(self, seg: dict[str, str]) -> None:
        self.names[seg["id"]] = (self.line_of_seg, seg.get("type", ""))

    def words_of(self, identity: str, where: Where, depth: int = 0) -> list[str]:
        """The ids of a name's words, those of the names within it too."""
        if depth > _MOST_NAMES:
            raise where.error("names that point at one another", "names within names, and words")
        found: list[str] = []
        for target in self.targets.get(identity, ()):
            found += self.words_of(target, where, depth + 1) if target in self.names else [target]
        return found


def _sniff(sample: Sample) -> Match | None:
    if re.search(r"<fs\s+type=[\"']named[\"']", sample.text) or (
        sample.name == "ann_named.xml" and "<TEI" in sample.text
    ):
        return Match(0.97, "features of names that point at words (NKJP)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a paragraph."""
    names = _Names(source.name)
    parse(source.text(), names)
    beside = text_beside(
        source, names.file_of_words or "ann_morphosyntax.xml", "the words that the names point at"
    )
    words = _Words(beside.name)
    parse(beside.text(), words)
    if not words.words:
        raise InputError("no words in it", file=beside.name, line=1, expected="<seg> elements with orth")
    for identity, (line, kind) in names.names.items():
        where = Where(source.name, line, f"<seg xml:id={identity!r}>")
        targets = names.words_of(identity, where)
        missing = next((target for target in targets if target not in words.words), None)
        if missing is not None or not targets or not kind:
            found = f"the word {missing!r}, which {beside.name} has not" if missing else "no word or no type"
            raise where.error(found, "a type, and <ptr> elements to words and names")
        places = [words.words[target] for target in targets]
        mark_words(places, label_of(kind, options, where)[0], line)
    yield from (passage.record(source.name) for passage in words.passages if passage.words)


_EXAMPLE = {
    "ann_named.xml": """<?xml version="1.0" encoding="UTF-8"?>
<teiCorpus xmlns="http://www.tei-c.org/ns/1.0"><TEI><text><body>
<p xml:id="named_1-p"><s xml:id="named_1-s" corresp="ann_morphosyntax.xml#morph_1-s">
<seg xml:id="named_1-n1"><fs type="named"><f name="type"><symbol value="PER"/></f></fs>
 <ptr target="ann_morphosyntax.xml#morph_1.1-seg"/><ptr target="ann_morphosyntax.xml#morph_1.2-seg"/></seg>
<seg xml:id="named_1-n2"><fs type="named"><f name="type"><symbol value="LOC"/></f></fs>
 <ptr target="ann_morphosyntax.xml#morph_1.6-seg"/></seg>
</s></p></body></text></TEI></teiCorpus>
""",
    "ann_morphosyntax.xml": """<?xml version="1.0" encoding="UTF-8"?>
<teiCorpus xmlns="http://www.tei-c.org/ns/1.0"><TEI><text><body>
<p xml:id="morph_1-p"><s xml:id="morph_1-s">
<seg xml:id="morph_1.1-seg"><fs type="morph"><f name="orth"><string>Marie</string></f></fs></seg>
<seg xml:id="morph_1.2-seg"><fs type="morph"><f name="orth"><string>Curie</string></f></fs></seg>
<seg xml:id="morph_1.3-seg"><fs type="morph"><f name="orth"><string>was</string></f></fs></seg>
<seg xml:id="morph_1.4-seg"><fs type="morph"><f name="orth"><string>born</string></f></fs></seg>
<seg xml:id="morph_1.5-seg"><fs type="morph"><f name="orth"><string>in</string></f></fs></seg>
<seg xml:id="morph_1.6-seg"><fs type="morph"><f name="orth"><string>Warsaw</string></f></fs></seg>
<seg xml:id="morph_1.7-seg"><fs type="morph"><f name="orth"><string>.</string></f><f name="nps"><binary value="true"/></f></fs></seg>
</s></p></body></text></TEI></teiCorpus>
""",
}
NKJP = Format(
    "nkjp",
    "NKJP: names in ann_named.xml that point at the words of ann_morphosyntax.xml",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
