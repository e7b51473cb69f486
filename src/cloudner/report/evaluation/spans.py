"""Gold and predicted entities of one document on the same axis: the gold text and its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.pieces.found import found_in


class Entity(NamedTuple):
    """An entity of the gold document's tokens.

    start, end: tokens of the gold document, end exclusive.
    label: the entity's label.
    start_char, end_char: the same span in characters of the gold text, end exclusive.
    """

    start: int
    end: int
    label: str
    start_char: int
    end_char: int


@dataclass(slots=True)
class ScoredDocument:
    """One document as the report needs it; the Docs it was made from can be freed.

    confidence: one number (0 to 1) or None per predicted entity, in the order of `predicted`.
    correct: one bool per predicted entity: does a gold entity with these bounds and this label exist.
    ignored: predicted entities in text whose gold annotation is missing; they count as neither right nor wrong.
    place: the file it was read from and its line there, or its number in a `.spacy` file, from 1.
    """

    text: str
    gold: list[Entity]
    predicted: list[Entity]
    confidence: list[float | None]
    correct: list[bool]
    n_tokens: int
    ignored: int = 0
    meta: dict[str, Any] = field(default_factory=dict)
    place: tuple[str, int] | None = None

    @property
    def missed(self) -> list[Entity]:
        """Gold entities that no prediction matches exactly."""
        matched = {entity for entity, right in zip(self.predicted, self.correct, strict=True) if right}
        return [entity for entity in self.gold if entity not in matched]

    def surface(self, entity: Entity) -> str:
        """The entity's text with runs of white space as one space."""
        return " ".join(self.text[entity.start_char : entity.end_char].split())


def score_document(example: Example, key: str | None = None) -> ScoredDocument | None:
    """Puts the entities of `example.predicted` on the tokens of `example.reference`.

    key: score `doc.spans[key]` in place of `doc.ents`; gold are the entities where a reference has no such group.

    Follows `spacy.scorer.get_ner_prf`, so that the figures equal those of `spacy evaluate` for any tokenisation:
    a predicted entity covers the gold tokens its own tokens align to; one that touches a gold token without
    annotation is ignored; one gold entity makes at most one prediction right. In a group a span that stands there twice
    counts once, as in `spacy.scorer.Scorer.score_spans`. None where the reference has no entity annotation at all.
    """
    gold_doc, predicted_doc = example.reference, example.predicted
    in_group = key is not None and key in gold_doc.spans
    if not (in_group or gold_doc.has_annotation("ENT_IOB")):
        return None
    there = gold_doc.spans[key] if in_group else gold_doc.ents
    every = (Entity(span.start, span.end, span.label_, span.start_char, span.end_char) for span in there)
    gold = list(dict.fromkeys(every))  # a group may have a span twice
    open_gold = set(gold)
    seen: set[Entity] = set()
    predicted, confidence, correct, ignored = [], [], [], 0
    same = _same_tokens(gold_doc, predicted_doc)
    align = None if same else example.alignment.x2y
    complete = in_group or gold_doc.has_annotation("ENT_IOB", require_complete=True)
    missing = None if complete else gold_doc
    for span, probability in found_in(predicted_doc, key):
        start, end = span.start, span.end
        if align is not None:
            indices = align[start:end]
            if not len(indices):
                continue
            start, end = int(indices[0]), int(indices[-1]) + 1
        if missing is not None and any(token.ent_iob == 0 for token in missing[start:end]):
            ignored += 1
            continue
        first, last = gold_doc[start], gold_doc[end - 1]
        entity = Entity(start, end, span.label_, first.idx, last.idx + len(last))
        if key is not None and entity in seen:
            continue
        seen.add(entity)
        predicted.append(entity)
        confidence.append(probability)
        correct.append(entity in open_gold)
        open_gold.discard(entity)
    meta = gold_doc.user_data.get("meta")
    return ScoredDocument(
        text=gold_doc.text,
        gold=gold,
        predicted=predicted,
        confidence=confidence,
        correct=correct,
        n_tokens=len(gold_doc),
        ignored=ignored,
        meta=dict(meta) if isinstance(meta, dict) else {},
    )


def _same_tokens(gold: Doc, predicted: Doc) -> bool:
    # Computing spaCy's alignment costs many times this comparison and is the identity when it holds.
    return len(gold) == len(predicted) and np.array_equal(gold.to_array("ORTH"), predicted.to_array("ORTH"))
