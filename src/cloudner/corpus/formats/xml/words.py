"""XML with an element a word and elements around the words of an entity: TEI (ParlaMint), SUC 3, GENIA."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between, span_over
from cloudner.corpus.formats.xml.labels import BLOCKS, CARRIERS, HEADS, WORDS, label_of
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

_SENTENCES = frozenset(("s", "sentence", "sent"))
# A sentence ends here too, unless one is open: TEI has heads and speeches without <s>.
_EDGES = BLOCKS | frozenset(("u", "ab", "lg", "front", "back", "s", "sent", "seg", "l"))
# What stands around words in a sentence and is no entity.
_NO_ENTITY = WORDS | frozenset(
    (
        "phr", "cl", "np", "vp", "pp", "adjp", "advp", "chunk", "mw", "m", "choice", "orig", "reg", "sic", "corr", "del", "add", "unclear", "supplied", "foreign",
        "q", "quote", "said", "ref", "note", "gap", "pause", "vocal", "kinesic", "incident", "desc", "anchor", "ana",
        "tokens", "words",
    )
)  # fmt: skip
_SIGNS = WORDS | {"c"}  # <c> is a sign of punctuation or the space between two words
# What may be within a word and be a part of it; all else there is about it (lemma, part of speech, another spelling).
_PARTS = WORDS | frozenset(
    (
        "hi",
        "emph",
        "c",
        "g",
        "m",
        "seg",
        "ex",
        "abbr",
        "choice",
        "orig",
        "sic",
        "del",
        "add",
        "unclear",
        "supplied",
    )
)
_FORMS = frozenset(("word", "orth", "t", "form"))  # where a word has its form beside other things
_ASIDE = frozenset(("note", "desc"))  # text of its own
_AROUND = re.compile(r"<([\w:.-]+)((?:\s[^<>]*)?)(?<!/)>\s*(?=<(?:\w+:)?(?:w|pc|tok|token)[\s>])")
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class _Entity(NamedTuple):
    element: str  # its name
    label: str
    start: int  # its first word
    end: int  # the word behind its last


class _Sentence:
    def __init__(self, line: int, identity: str) -> None:
        self.line, self.identity = line, identity
        self.words: list[str] = []
        self.apart: list[bool] = []  # does white space follow?
        self.joined: list[bool] = []  # is it said that nothing stands between this word and the next?
        self.entities: list[_Entity] = []


class _Words(Handler):
    """The sentences of a file, their words and the elements around these."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.sentences: list[_Sentence] = []
        self.now: _Sentence | None = None
        self.open: list[tuple[str, str, int, _Sentence | None]] = []  # element, label, its first word
        self.heads = self.nested = 0
        self.word: list[str] | None = None
        self.form: list[str] = []  # its text in an element of its own
        self.inside: list[str] = []  # the elements open within a word
        self.joins = False  # does the file say which words nothing stands between?
        self.across = 0
        self.stray: list[str] = []  # text of sentences outside their words

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        lower = name.rsplit(":", 1)[-1].lower()
        self.heads += lower in HEADS
        if self.heads or self.word is not None:
            self.inside.append(lower)
            return
        if lower in _SIGNS:
            self._begin_word(attrs)
            return
        name_of = None if lower in _NO_ENTITY else label_of(name, dict(attrs.items()))
        is_name = lower == "seg" and name_of is not None
        if lower in _SENTENCES or (lower in _EDGES and not self.nested and not is_name):
            self.now = None
            if lower in _SENTENCES:
                self.nested += 1
            identity = attrs.get("xml:id") or attrs.get("id") or "" if lower in _SENTENCES else ""
            self.now = _Sentence(self.line, identity)
        label = name_of if is_name or lower not in _EDGES else None
        at = len(self.now.words) if self.now is not None else 0
        self.open.append((name, label or "", at, self.now))

    def _begin_word(self, attrs: Any) -> None:
        self.word, self.form = [], []
        if self.now is None:
            self.now = _Sentence(self.line, "")
        side = attrs.get("join", "")
        self.joins = self.joins or side in ("left", "right", "both")
        if side in ("left", "both") and self.now.joined:
            self.now.joined[-1] = True
        self.now.joined.append(side in ("right", "both"))

    def characters(self, content: str) -> None:
        if self.heads:
            return
        if self.word is not None:
            if self.inside and self.inside[-1] in _FORMS:
                self.form.append(content)
            elif _PARTS.issuperset(self.inside):
                self.word.append(content)
            return
        if self.now is not None and self.now.apart and any(map(str.isspace, content)):
            self.now.apart[-1] = True
        if content.strip() and self.nested and self.open[-1][0].rsplit(":", 1)[-1].lower() not in _ASIDE:
            self.stray.append(" ".join(content.split()))

    def endElement(self, name: str) -> None:  # noqa: N802
        lower = name.rsplit(":", 1)[-1].lower()
        if self.inside:
            self.inside.pop()
            self.heads -= lower in HEADS
            return
        if self.word is not None:
            self._end_word("".join(self.form or self.word))
            return
        element, label, start, sentence = self.open.pop()
        if lower in _SENTENCES:
            self.nested -= 1
        if label and sentence is self.now and self.now is not None:
            if start < len(self.now.words):
                self.now.entities.append(_Entity(element, label, start, len(self.now.words)))
        elif label and lower in CARRIERS:
            self.across += 1
        if lower in _SENTENCES or (lower in _EDGES and not self.nested and not (lower == "seg" and label)):
            self.now = None

    def _end_word(self, text: str) -> None:
        self.word = None
        assert self.now is not None
        if not text.strip():  # a word without a form of its own
            self.now.joined.pop()
            self.characters(text)
            return
        if not self.now.words:
            self.sentences.append(self.now)
        if text[:1].isspace() and self.now.apart:
            self.now.apart[-1] = True
        self.now.words.append(" ".join(text.split()))
        self.now.apart.append(text[-1:].isspace())


def _sniff(sample: Sample) -> Match | None:
    labels = set()
    for match in _AROUND.finditer(sample.text):
        lower = match[1].rsplit(":", 1)[-1].lower()
        if lower == "seg" or lower not in _NO_ENTITY | _EDGES | HEADS:
            label = label_of(match[1], {name: a or b for name, a, b in _ATTRIBUTE.findall(match[2])})
            labels |= {label} if label else set()
    if not labels:
        return None
    return Match(0.93, f"elements around elements of words ({', '.join(sorted(labels)[:3])})")


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence, or a paragraph where none is marked.

    `entities_column` names the one element that is read. Of two elements around the same words it is else `<ne>`, or
    the more frequent one: SUC 3 has `<ne>` and `<name>`, two annotations with labels of their own.
    """
    found = _Words(source.name)
    parse(source.text(), found)
    if not found.sentences:
        raise InputError("no words in it", file=source.name, line=1, expected="sentences with <w> elements")
    left = _other_layers(found.sentences, options)
    unspaced = is_unspaced("".join(word for sentence in found.sentences[:200] for word in sentence.words))
    apart = any(any(sentence.apart) for sentence in found.sentences)
    notes = []
    if left:
        shown = ", ".join(f"{count} <{name}>" for name, count in sorted(left.items()))
        option = f"; --entities-column {min(left)} reads it alone" if options.entities_column is None else ""
        done = f"{shown} left out: another annotation of the same words{option}"
        notes.append(("unsupported", "noted", done))
    if found.stray:
        done = f"text outside the words left out: {found.stray[0][:40]!r}"
        more = f" and {len(found.stray) - 1} more" if len(found.stray) > 1 else ""
        notes.append(("unsupported", "noted", done + more))
    if found.across:
        done = f"{found.across} entities that are around a sentence left out"
        notes.append(("unsupported", "dropped", done))
    for sentence in found.sentences:
        words = sentence.words
        if found.joins:
            spaces = [not joined for joined in sentence.joined]
        elif unspaced:  # white space is the file's own, a line a word
            spaces = spaces_between(words)
        elif apart:
            spaces = sentence.apart
        else:
            spaces = [True] * len(words)
        text, starts = join(words, [*spaces[:-1], False])
        meta = {"id": sentence.identity} if sentence.identity else {}
        record = Record(
            source.name, sentence.line, text, tokens=words, spaces=[*spaces[:-1], False], meta=meta
        )
        record.notes, notes = notes, []
        record.spans = [
            span_over(words, starts, e.start, e.end, e.label)
            for e in sorted(sentence.entities, key=lambda e: (e.start, -e.end))
            if e.element not in left
        ]
        yield record


def _other_layers(sentences: list[_Sentence], options: ReadOptions) -> Mapping[str, int]:
    """The elements whose entities are not read, and how many there are of them."""
    counts = Counter(entity.element for sentence in sentences for entity in sentence.entities)
    wanted = options.entities_column
    if wanted is not None:
        return {name: count for name, count in counts.items() if name != wanted}
    same: set[str] = set()
    for sentence in sentences:
        around: dict[tuple[int, int], set[str]] = {}
        for entity in sentence.entities:
            around.setdefault((entity.start, entity.end), set()).add(entity.element)
        for elements in around.values():
            if len(elements) > 1:
                same |= elements - {max(sorted(elements), key=lambda name: (name == "ne", counts[name]))}
    return {name: counts[name] for name in same}


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body><p>
<s xml:id="curie">
  <name type="PER"><w>Marie</w> <w>Curie</w></name> <w>was</w> <w>born</w> <w>in</w>
  <name type="LOC"><w join="right">Warsaw</w></name><pc>.</pc>
</s>
</p></body></text></TEI>
"""
XML_WORDS = Format(
    "xml-words",
    "XML with an element a word and elements around entities: TEI (ParlaMint), SUC 3, GENIA",
    (".xml", ".tei"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
