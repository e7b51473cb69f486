"""FoLiA: words with ids, and entities of a sentence, a paragraph or the text that name the words they consist of.

Format: https://folia.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.spans import Where, label_of
from cloudner.corpus.formats.xml.marked_words import Passage, mark_words
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

# What is a record of its own where it lies in no other of these
_PASSAGES = frozenset(("p", "head", "utt", "s", "caption", "item", "row", "note"))
# What holds other readings of the words, parts of words, or what is about the document
_LEFT_OUT = frozenset(("original", "suggestion", "alt", "altlayers", "morphology", "phonology", "metadata"))
_CORRECTED = frozenset(("correction", "new", "current"))


class _Entity:
    def __init__(self, line: int, label: str, kind: str) -> None:
        self.line, self.label, self.kind = line, label, kind
        self.words: list[str] = []  # their ids


class _Text(Handler):
    """The passages of a document, and its entities."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.passages: list[Passage] = []
        self.now: Passage | None = None
        self.depth = 0  # how many elements are open around what is in the passage
        self.path: list[str] = []
        self.left_out = 0  # open elements that are not read
        self.word: list[str] | None = None  # the pieces of a word's form while it is open
        self.attrs: dict[str, str] = {}  # of the word
        self.form = False  # is its form open?
        self.words: dict[str, tuple[Passage, int]] = {}
        self.kinds: list[str] = []  # sets of the layers that are open
        self.entities: list[_Entity] = []
        self.layers = False  # is it said that there are entities?

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        lower = name.rsplit(":", 1)[-1]
        self.layers = self.layers or lower in ("entities", "entity-annotation")
        if self.left_out or lower in _LEFT_OUT:
            self.left_out += 1
            return
        self.path.append(lower)
        if lower in _PASSAGES and self.now is None and self.word is None:
            self._begin(attrs.get("xml:id", ""), len(self.path))
        if lower == "s" and self.now is not None:
            self.now.begin_sentence()
        elif lower == "w":
            if self.now is None:
                self._begin("", len(self.path) - 1)
            self.word, self.attrs = [], dict(attrs.items())
        elif lower == "t" and self.word is not None:
            # the form as it is read now, perhaps a corrected one; other classes are forms that it had before
            around = self.path[len(self.path) - self.path[::-1].index("w") : -1]
            self.form = _CORRECTED.issuperset(around) and attrs.get("class", "current") == "current"
        elif lower == "entities":
            self.kinds.append(attrs.get("set", ""))
        elif lower == "entity":
            kind = attrs.get("set") or (self.kinds[-1] if self.kinds else "")
            self.entities.append(_Entity(self.line, attrs.get("class", ""), kind))
        elif lower == "wref" and "entity" in self.path:
            self.entities[-1].words.append(attrs.get("id", ""))

    def _begin(self, identity: str, depth: int) -> None:
        self.now, self.depth = Passage(self.line, identity), depth
        self.passages.append(self.now)

    def characters(self, content: str) -> None:
        if self.form and self.word is not None and not self.left_out:
            self.word.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        if self.left_out:
            self.left_out -= 1
            return
        lower = self.path.pop()
        if lower == "w" and self.word is not None:
            self._end_word(" ".join("".join(self.word).split()))
        elif lower == "t":
            self.form = False
        elif lower == "s" and self.now is not None:
            self.now.begin_sentence()
        elif lower == "entities":
            self.kinds.pop()
        if self.now is not None and len(self.path) < self.depth:
            self.now = None

    def _end_word(self, form: str) -> None:
        self.word = None
        if form and self.now is not None:
            number = self.now.add(form, self.attrs.get("space") != "no")
            self.words[self.attrs.get("xml:id", "")] = (self.now, number)


def _mark(found: _Text, file: str, options: ReadOptions) -> None:
    """Puts the entities on their words. Raises InputError for words that are not there."""
    wanted = options.entities_column
    kinds = {entity.kind for entity in found.entities}
    if wanted is not None and wanted not in kinds:
        raise InputError(
            f"no entities of the set {wanted!r}",
            file=file,
            expected="one of " + ", ".join(sorted(kinds)),
            fix=f"--entities-column {min(kinds)}" if kinds else None,
        )
    for entity in found.entities:
        if wanted not in (None, entity.kind):
            continue
        where = Where(file, entity.line, "<entity>")
        if not entity.label:
            raise where.error("it has no class", '<entity class="per">')
        missing = next((word for word in entity.words if word not in found.words), None)
        if missing is not None or not entity.words:
            told = f"the word {missing!r}, which is not in the text" if entity.words else "no word"
            raise where.error(told, '<wref id="..."/> with the id of a <w> that has a <t>')
        places = [found.words[word] for word in entity.words]
        mark_words(places, label_of(entity.label, options, where)[0], entity.line)
    if wanted is None and len(kinds) > 1:
        shown = ", ".join(map(repr, sorted(kinds)))
        done = f"entities of {len(kinds)} sets read together, {shown}; --entities-column SET reads one"
        found.passages[0].notes.append(("unsupported", "noted", done))


def _sniff(sample: Sample) -> Match | None:
    if "<FoLiA" in sample.text:
        return Match(0.98, "an XML document whose root is <FoLiA>")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a paragraph; a heading, an utterance or a sentence outside of one is one too."""
    found = _Text(source.name)
    parse(source.text(), found)
    if not found.words:
        raise InputError(
            "no words in it",
            file=source.name,
            line=1,
            expected="FoLiA that is tokenised: <w> elements with a <t>",
            fix="tokenise it first (ucto -F)",
        )
    if not found.layers:
        raise InputError(
            "no entities, and no declaration of them",
            file=source.name,
            line=1,
            expected="<entities> with <entity> elements, or <entity-annotation> where there is none",
        )
    _mark(found, source.name, options)
    yield from (passage.record(source.name) for passage in found.passages if passage.words)


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<FoLiA xmlns="http://ilk.uvt.nl/folia" xml:id="doc" version="2.5">
<metadata type="native"><annotations><text-annotation/><token-annotation/><entity-annotation set="ner"/></annotations></metadata>
<text xml:id="doc.text"><p xml:id="curie"><s xml:id="s.1">
  <w xml:id="s.1.w.1"><t>Marie</t></w>
  <w xml:id="s.1.w.2"><t>Curie</t></w>
  <w xml:id="s.1.w.3"><t>was</t></w>
  <w xml:id="s.1.w.4"><t>born</t></w>
  <w xml:id="s.1.w.5"><t>in</t></w>
  <w xml:id="s.1.w.6" space="no"><t>Warsaw</t></w>
  <w xml:id="s.1.w.7"><t>.</t></w>
  <entities>
    <entity class="PER"><wref id="s.1.w.1" t="Marie"/><wref id="s.1.w.2" t="Curie"/></entity>
    <entity class="LOC"><wref id="s.1.w.6" t="Warsaw"/></entity>
  </entities>
</s></p></text>
</FoLiA>
"""
FOLIA = Format(
    "folia",
    "FoLiA: words, and entities that name them by their ids",
    (".folia.xml", ".xml"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
