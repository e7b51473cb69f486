"""CCL, the XML of the Polish taggers WCRFT and Liner2 and of the corpus KPWr: a token's channels say which entities it is in.

In each sentence and channel the tokens with the same number are one annotation, those with 0 are in none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.spans import Where, label_of
from cloudner.corpus.formats.xml.marked_words import Passage
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_PHRASES = "chunk_"  # how the channels of KPWr are called that are phrases: chunk_np, chunk_vp


class _Tokens(Handler):
    """The paragraphs of a file with their annotations."""

    def __init__(self, file: str, options: ReadOptions) -> None:
        super().__init__(file)
        self.options = options
        self.passages: list[Passage] = []
        self.open: list[str] = []
        self.channels: dict[tuple[str, str], list[int]] = {}  # of the open sentence
        self.token: list[tuple[str, str]] = []  # channel and number
        self.pieces: list[str] = []
        self.orth = self.channel = ""
        self.annotated = False  # is there any channel?
        self.phrases = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.pieces = []
        # XCES, its forerunner, has chunks of the type s for sentences
        kind = "sentence" if name == "chunk" and attrs.get("type") == "s" else name
        if kind in ("chunk", "sentence") and not {"chunk", "sentence"} & set(self.open):
            self.passages.append(Passage(self.line, attrs.get("id", "")))
        self.open.append(kind)
        if kind == "sentence":
            self.passages[-1].begin_sentence()
            self.channels = {}
        elif name == "tok":
            self.token, self.orth = [], ""
        elif name == "ann":
            self.channel = attrs.get("chan", "")
        elif name == "ns" and self.passages and self.passages[-1].spaces:
            self.passages[-1].spaces[-1] = False

    def characters(self, content: str) -> None:
        self.pieces.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        kind = self.open.pop()
        text = "".join(self.pieces).strip()
        if name == "orth":
            self.orth = text
        elif name == "ann":
            self.annotated = True
            if not text.isdecimal():
                raise Where(self.file, self.line, f"<ann chan={self.channel!r}>").error(
                    repr(text), "the number of an annotation, or 0"
                )
            if int(text):
                self.token.append((self.channel, text))
        elif name == "tok":
            self._end_token()
        elif kind == "sentence":
            self._end_sentence()

    def _end_token(self) -> None:
        if not self.passages or not self.orth:
            raise Where(self.file, self.line, "<tok>").error(
                "a token without its form" if self.passages else "a token outside of sentences",
                "<sentence><tok><orth>Ann</orth>...",
            )
        number = self.passages[-1].add(self.orth)
        for key in self.token:
            self.channels.setdefault(key, []).append(number)

    def _end_sentence(self) -> None:
        wanted = self.options.entities_column
        for (channel, _), numbers in self.channels.items():
            if channel.startswith(_PHRASES) if wanted is None else channel != wanted:
                self.phrases += wanted is None
            else:
                where = Where(self.file, self.line, "<ann>")
                self.passages[-1].mark(label_of(channel, self.options, where)[0], numbers)
        self.channels = {}


def _sniff(sample: Sample) -> Match | None:
    if "<chunkList" in sample.text and re.search(r"<tok>\s*<orth>", sample.text):
        return Match(0.97, "chunks of tokens with <orth> (CCL)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a paragraph. Channels of phrases (`chunk_np`) are left out; `entities_column` names the one that is read."""
    found = _Tokens(source.name, options)
    parse(source.text(), found)
    passages = [passage for passage in found.passages if passage.words]
    if not passages:
        raise InputError("no token in it", file=source.name, line=1, expected="<chunkList> with <tok>s")
    if not found.annotated:
        passages[0].notes.append(
            (
                "unsupported",
                "noted",
                "no <ann> in the file: texts without entities; if nobody looked, leave it out",
            )
        )
    if found.phrases:
        done = (
            f"{found.phrases} phrases ({_PHRASES}...) left out; --entities-column CHANNEL reads one channel"
        )
        passages[0].notes.append(("unsupported", "noted", done))
    yield from (passage.record(source.name) for passage in passages)


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE chunkList SYSTEM "ccl.dtd">
<chunkList><chunk id="curie" type="p"><sentence id="s1">
 <tok><orth>Marie</orth><ann chan="PER" head="1">1</ann><ann chan="LOC">0</ann></tok>
 <tok><orth>Curie</orth><ann chan="PER">1</ann><ann chan="LOC">0</ann></tok>
 <tok><orth>was</orth><ann chan="PER">0</ann><ann chan="LOC">0</ann></tok>
 <tok><orth>born</orth><ann chan="PER">0</ann><ann chan="LOC">0</ann></tok>
 <tok><orth>in</orth><ann chan="PER">0</ann><ann chan="LOC">0</ann></tok>
 <tok><orth>Warsaw</orth><ann chan="PER">0</ann><ann chan="LOC" head="1">1</ann></tok>
 <ns/>
 <tok><orth>.</orth><ann chan="PER">0</ann><ann chan="LOC">0</ann></tok>
</sentence></chunk></chunkList>
"""
CCL = Format(
    "ccl",
    "CCL (KPWr, Liner2, WCRFT): tokens whose channels number the entities they are in",
    (".xml", ".ccl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
