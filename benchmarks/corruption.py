"""Annotation errors planted in a corpus: of the wrong type, with a wrong boundary, missed, invented."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

KINDS = ("type", "boundary", "missed", "invented")
Span = tuple[int, int, str]  # first token, end token (exclusive), label


class Planted(NamedTuple):
    """An error in document `doc`: what stood there and what stands there now; None: nothing."""

    doc: int
    kind: str
    before: Span | None
    after: Span | None

    @property
    def tokens(self) -> set[int]:
        """The tokens whose annotation differs."""
        found: set[int] = set()
        spans = [span for span in (self.before, self.after) if span is not None]
        for start, end, _ in spans:
            found |= set(range(start, end))
        if self.kind == "boundary":
            first, second = (set(range(start, end)) for start, end, _ in spans)
            return first ^ second
        return found


def corrupt(docs: Sequence[Any], share: float, seed: int) -> list[Planted]:
    """Changes `doc.ents` in place: errors for `share` of the entities, a quarter of them of each kind, at most one a place."""
    rng = random.Random(seed)
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    total = sum(len(doc.ents) for doc in docs)
    wanted = round(total * share)
    places = [(i, ent.start, ent.end, ent.label_) for i, doc in enumerate(docs) for ent in doc.ents]
    rng.shuffle(places)
    ents = [[(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in docs]
    planted: list[Planted] = []
    for number in range(wanted):
        kind = KINDS[number % len(KINDS)]
        made = None
        while made is None:
            if kind == "invented":
                made = _invent(rng, docs, ents, labels)
            else:
                i, start, end, label = places.pop()
                made = _spoil(rng, kind, i, docs[i], ents[i], (start, end, label), labels)
        planted.append(made)
        here = ents[made.doc]
        if made.before is not None:
            here.remove(made.before)
        if made.after is not None:
            here.append(made.after)
    for doc, spans in zip(docs, ents, strict=True):
        doc.set_ents([_span(doc, *span) for span in sorted(spans)])
    return planted


def _spoil(
    rng: random.Random, kind: str, i: int, doc: Any, ents: list[Span], span: Span, labels: list[str]
) -> Planted | None:
    start, end, label = span
    if kind == "type":
        other = rng.choice([each for each in labels if each != label])
        return Planted(i, kind, span, (start, end, other))
    if kind == "missed":
        return Planted(i, kind, span, None)
    options = [(start - 1, end), (start, end + 1), (start + 1, end), (start, end - 1)]
    rng.shuffle(options)
    others = [each for each in ents if each != span]
    for first, last in options:
        inside = 0 <= first < last <= len(doc)
        if inside and not any(first < e and s < last for s, e, _ in others):
            return Planted(i, kind, span, (first, last, label))
    return None


def _invent(
    rng: random.Random, docs: Sequence[Any], ents: list[list[Span]], labels: list[str]
) -> Planted | None:
    i = rng.randrange(len(docs))
    size = rng.choice([1, 1, 2, 3])
    start = rng.randrange(len(docs[i]))
    end = start + size
    if end > len(docs[i]) or any(start < e and s < end for s, e, _ in ents[i]):
        return None
    if not all(token.is_alpha for token in docs[i][start:end]):
        return None
    return Planted(i, "invented", None, (start, end, rng.choice(labels)))


def _span(doc: Any, start: int, end: int, label: str) -> Any:
    from spacy.tokens import Span as SpacySpan

    return SpacySpan(doc, start, end, label=label)
