"""CoreNLP's XML: `<sentence><tokens><token><word>Ann</word><NER>PERSON</NER></token>`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.corenlp import record_of
from cloudner.corpus.formats.spans import Where
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_DOCUMENTS = ("document", "DOC")
# Element of a token -> its key in CoreNLP's JSON.
_KEYS = {
    "word": "word",
    "CharacterOffsetBegin": "characterOffsetBegin",
    "CharacterOffsetEnd": "characterOffsetEnd",
    "NER": "ner",
}
# How older versions write brackets, which are one character of the text
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


class _Document:
    def __init__(self, line: int, identity: str = "") -> None:
        self.line, self.identity = line, identity
        self.sentences: list[list[Mapping[str, Any]]] = []


class _Tokens(Handler):
    """The tokens of each sentence of each document. Those of `<coreference>` are no tokens."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.documents: list[_Document] = []
        self.token: dict[str, Any] | None = None
        self.pieces: list[str] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self.pieces = []
        if name in _DOCUMENTS:  # one a file, in the Annotated Gigaword many
            self.documents.append(_Document(self.line, attrs.get("id", "")))
        elif name == "tokens":
            if not self.documents:
                self.documents.append(_Document(self.line))
            self.documents[-1].sentences.append([])
        elif name == "token" and self.documents and self.documents[-1].sentences:
            self.token = {"line": self.line}

    def characters(self, content: str) -> None:
        self.pieces.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        text = "".join(self.pieces).strip()
        if name == "docId" and self.documents:
            self.documents[-1].identity = text
        elif name == "token" and self.token is not None:
            if not self.token.get("word"):
                raise InputError(
                    "a token without a word",
                    file=self.file,
                    line=self.token["line"],
                    expected="<word>Ann</word>",
                )
            places = [self.token.get(key) for key in ("characterOffsetBegin", "characterOffsetEnd")]
            if isinstance(places[0], int) and places[1] == places[0] + 1:
                self.token["word"] = _BRACKETS.get(self.token["word"], self.token["word"])
            self.documents[-1].sentences[-1].append(self.token)
            self.token = None
        elif self.token is not None and name in _KEYS:
            whole = name.startswith("Character") and text.isdecimal()
            self.token[_KEYS[name]] = int(text) if whole else text


def _sniff(sample: Sample) -> Match | None:
    if re.search(r"<tokens>\s*<token\b[^<>]*>\s*<word>", sample.text) and "<NER>" in sample.text:
        return Match(0.98, "tokens with word and NER (CoreNLP's XML)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document."""
    found = _Tokens(source.name)
    parse(source.text(), found)
    told = ("the output of the annotator ner", "-annotators ...,ner")
    documents = [document for document in found.documents if any(document.sentences)]
    if not documents:
        raise Where(source.name, 1, "document").error("no token in it", *told)
    for document in documents:
        tokens = [token for sentence in document.sentences for token in sentence]
        where = Where(source.name, document.line, "document")
        if not any("ner" in token for token in tokens):
            raise where.error("tokens without NER", *told)
        record = record_of(source.name, document.line, tokens, document.sentences, "originalText", where)
        record.tags = [str(token.get("ner") or "O") for token in tokens]
        if document.identity:
            record.meta["id"] = document.identity
        yield record


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<root><document><docId>curie</docId><sentences><sentence id="1"><tokens>
  <token id="1"><word>Marie</word><CharacterOffsetBegin>0</CharacterOffsetBegin><CharacterOffsetEnd>5</CharacterOffsetEnd><NER>PER</NER></token>
  <token id="2"><word>Curie</word><CharacterOffsetBegin>6</CharacterOffsetBegin><CharacterOffsetEnd>11</CharacterOffsetEnd><NER>PER</NER></token>
  <token id="3"><word>was</word><CharacterOffsetBegin>12</CharacterOffsetBegin><CharacterOffsetEnd>15</CharacterOffsetEnd><NER>O</NER></token>
  <token id="4"><word>born</word><CharacterOffsetBegin>16</CharacterOffsetBegin><CharacterOffsetEnd>20</CharacterOffsetEnd><NER>O</NER></token>
  <token id="5"><word>in</word><CharacterOffsetBegin>21</CharacterOffsetBegin><CharacterOffsetEnd>23</CharacterOffsetEnd><NER>O</NER></token>
  <token id="6"><word>Warsaw</word><CharacterOffsetBegin>24</CharacterOffsetBegin><CharacterOffsetEnd>30</CharacterOffsetEnd><NER>LOC</NER></token>
  <token id="7"><word>.</word><CharacterOffsetBegin>30</CharacterOffsetBegin><CharacterOffsetEnd>31</CharacterOffsetEnd><NER>O</NER></token>
</tokens></sentence></sentences></document></root>
"""
CORENLP_XML = Format(
    "corenlp-xml",
    "CoreNLP's XML: sentences and tokens with NER",
    (".xml",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
