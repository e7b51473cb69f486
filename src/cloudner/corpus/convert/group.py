"""A document's group of spans inside a chunk, read and written again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from cloudner.corpus.docbin.chunk import NO_GROUPS, Chunk
from cloudner.corpus.docbin.docs import chunk_docs


class LabelledSpan(NamedTuple):
    """Characters of a document's text, end exclusive, and a label."""

    start: int
    end: int
    label: str


class Group:
    """`doc.spans[key]` of one document of a chunk."""

    def __init__(self, chunk: Chunk, number: int, doc: Doc, key: str) -> None:
        self._chunk, self._number, self._doc, self._key = chunk, number, doc, key

    @classmethod
    def of(cls, chunk: Chunk, number: int, key: str) -> Group | None:
        """None where the document has no such group."""
        if chunk.groups[number] == NO_GROUPS:
            return None
        (doc,) = chunk_docs(chunk.select([number]), Vocab())
        return cls(chunk, number, doc, key) if key in doc.spans else None

    def places(self, first: int) -> dict[LabelledSpan, tuple[int, int]]:
        """The spans by characters, each with its tokens, counted from `first` on."""
        return {_named(span): (first + span.start, first + span.end) for span in self._doc.spans[self._key]}

    def change(
        self,
        removed: Collection[LabelledSpan | None],
        added: Mapping[LabelledSpan, tuple[int, int]],
        first: int,
    ) -> dict[LabelledSpan, tuple[int, int]]:
        """Writes the group without some spans and with others (tokens of the document), and gives the spans that are its
        entities now, with their tokens counted from `first` on: the longest that do not overlap, of equally long ones what
        is an entity already, then the first."""
        spans = {_named(span): span for span in self._doc.spans[self._key]}
        kept = {name: span for name, span in spans.items() if name not in removed}
        for name, (start, end) in added.items():
            kept.setdefault(name, Span(self._doc, start, end, label=name.label))
        ordered = sorted(kept.items(), key=lambda each: (each[1].start, each[1].end, each[0].label))
        made = SpanGroup(self._doc, name=self._key, spans=[span for _, span in ordered])
        self._doc.spans[self._key] = made
        self._chunk.groups[self._number] = self._doc.spans.to_bytes()
        self._chunk.strings.update(name.label for name in added)
        before = {_named(ent) for ent in self._doc.ents}
        ordered.sort(key=lambda each: (each[1].start - each[1].end, each[1].start, each[0] not in before))
        taken: set[int] = set()
        entities = {}
        for name, span in ordered:
            inside = range(span.start, span.end)
            if taken.isdisjoint(inside):
                taken.update(inside)
                entities[name] = (first + span.start, first + span.end)
        return entities


def _named(span: Span) -> LabelledSpan:
    return LabelledSpan(span.start_char, span.end_char, span.label_)
