"""The class of each mistake, with the text around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cloudner.report.evaluation.spans import Entity, ScoredDocument

KINDS = ("boundary", "type", "both", "missed", "spurious")
DESCRIPTIONS = {
    "boundary": "right label, wrong bounds",
    "type": "right bounds, wrong label",
    "both": "overlaps an entity, but bounds and label are wrong",
    "missed": "an entity that nothing was predicted for",
    "spurious": "a prediction where there is no entity",
}
NOTHING = "(none)"  # the row and the column of the confusion matrix for "no entity"


@dataclass(frozen=True)
class EntityError:
    """One mistake.

    document: index into the evaluated documents. gold, predicted: None where there is none.
    context: text around it, whole words and whole entities; `context_start` is its first character's offset in the
    document. cut: whether the document goes on before it and after it.
    gold_ents, predicted_ents: all entities inside the context, offsets (characters) relative to the context.
    confidence: of the prediction, where the model gives one.
    source: the document's id, where it has one. place: its file and its line there, or its number in a `.spacy` file.
    """

    kind: str
    document: int
    gold: Entity | None
    predicted: Entity | None
    gold_text: str
    predicted_text: str
    context: str
    context_start: int
    gold_ents: list[tuple[int, int, str]]
    predicted_ents: list[tuple[int, int, str]]
    confidence: float | None = None
    source: str = ""
    place: tuple[str, int] | None = None
    cut: tuple[bool, bool] = (False, False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "document": self.document,
            "source": self.source,
            "file": None if self.place is None else self.place[0],
            "line": None if self.place is None else self.place[1],
            "gold": _span_dict(self.gold, self.gold_text),
            "predicted": _span_dict(self.predicted, self.predicted_text),
            "confidence": self.confidence,
            "context": self.context,
            "context_start": self.context_start,
        }


@dataclass(frozen=True)
class Pair:
    """A gold entity and the prediction it is paired with; one of them may be None."""

    kind: str  # one of KINDS, or "correct"
    gold: Entity | None
    predicted: Entity | None
    index: int | None  # of `predicted` in the document


def pair_entities(document: ScoredDocument) -> list[Pair]:
    """Pairs gold with predicted entities, each used once, in the order of the text.

    Exact matches first, then equal bounds ("type"), then overlaps with the right label ("boundary"), the longest
    overlap first, then other overlaps ("both"). What is left over is "missed" or "spurious".
    """
    pairs = [
        Pair("correct", entity, entity, i)
        for i, (entity, right) in enumerate(zip(document.predicted, document.correct, strict=True))
        if right
    ]
    wrong = [i for i, right in enumerate(document.correct) if not right]
    missed = document.missed
    candidates = []
    for g, gold in enumerate(missed):
        for i in wrong:
            predicted = document.predicted[i]
            overlap = min(gold.end, predicted.end) - max(gold.start, predicted.start)
            if overlap > 0:
                same_label = gold.label == predicted.label
                same_bounds = gold[:2] == predicted[:2]
                kind = "boundary" if same_label else "type" if same_bounds else "both"
                order = ("type", "boundary", "both").index(kind)
                candidates.append((order, -overlap, gold.start, g, i, kind))
    used_gold: set[int] = set()
    used_predicted: set[int] = set()
    for _, _, _, g, i, kind in sorted(candidates):
        if g not in used_gold and i not in used_predicted:
            used_gold.add(g)
            used_predicted.add(i)
            pairs.append(Pair(kind, missed[g], document.predicted[i], i))
    pairs += [Pair("missed", gold, None, None) for g, gold in enumerate(missed) if g not in used_gold]
    pairs += [Pair("spurious", None, document.predicted[i], i) for i in wrong if i not in used_predicted]
    return sorted(pairs, key=_position)


def find_errors(documents: Sequence[ScoredDocument], *, window: int = 100) -> list[EntityError]:
    """Every mistake, in document order, with about `window` characters of context on either side."""
    errors = []
    for number, document in enumerate(documents):
        if all(document.correct) and len(document.predicted) == len(document.gold):
            continue
        for pair in pair_entities(document):
            if pair.kind != "correct":
                errors.append(_describe(number, document, pair, window))
    return errors


def count_kinds(errors: Iterable[EntityError]) -> dict[str, int]:
    """Mistakes per class, in the order of `KINDS`."""
    counts = Counter(error.kind for error in errors)
    return {kind: counts[kind] for kind in KINDS}


def confusion(documents: Iterable[ScoredDocument]) -> tuple[list[str], list[list[int]]]:
    """Labels and the matrix of counts: rows gold, columns predicted, the last of each for no entity.

    Entities are paired as in `pair_entities`, so a prediction with wrong bounds and the right label stands on the
    diagonal: the matrix tells labels apart, the error classes tell bounds apart.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for document in documents:
        if all(document.correct) and len(document.predicted) == len(document.gold):
            counts.update((entity.label, entity.label) for entity in document.gold)
            continue
        for pair in pair_entities(document):
            counts[
                pair.gold.label if pair.gold else NOTHING,
                pair.predicted.label if pair.predicted else NOTHING,
            ] += 1
    labels = [*sorted({label for cell in counts for label in cell} - {NOTHING}), NOTHING]
    return labels, [[counts[row, column] for column in labels] for row in labels]


def _describe(number: int, document: ScoredDocument, pair: Pair, window: int) -> EntityError:
    spans = [entity for entity in (pair.gold, pair.predicted) if entity is not None]
    text = document.text
    start, end = excerpt_bounds(
        text, [(e.start_char, e.end_char) for e in spans], document.gold + document.predicted, window
    )
    confidence = None if pair.index is None else document.confidence[pair.index]
    return EntityError(
        kind=pair.kind,
        document=number,
        gold=pair.gold,
        predicted=pair.predicted,
        gold_text=document.surface(pair.gold) if pair.gold else "",
        predicted_text=document.surface(pair.predicted) if pair.predicted else "",
        context=text[start:end],
        context_start=start,
        gold_ents=_inside(document.gold, start, end),
        predicted_ents=_inside(document.predicted, start, end),
        confidence=confidence,
        source=str(document.meta.get("id", "")),
        place=document.place,
        cut=(bool(text[:start].strip()), bool(text[end:].strip())),
    )


def excerpt_bounds(
    text: str, spans: Sequence[tuple[int, int]], entities: Sequence[Entity], window: int
) -> tuple[int, int]:
    """About `window` characters on either side of `spans`, more where a word or an entity would be cut."""
    start, end = max(0, min(s for s, _ in spans) - window), min(len(text), max(e for _, e in spans) + window)
    while True:
        first, last = _cut(text, start, -1), _cut(text, end, 1)
        first = min([first, *(e.start_char for e in entities if e.start_char < first < e.end_char)])
        last = max([last, *(e.end_char for e in entities if e.start_char < last < e.end_char)])
        if (first, last) == (start, end):
            return start, end
        start, end = first, last


def _cut(text: str, position: int, direction: int) -> int:
    """Moves a cut outwards to the next white space, at most 20 characters, so that words stay whole."""
    for step in range(20):
        here = position + direction * step
        if here <= 0 or here >= len(text):
            return min(max(here, 0), len(text))
        if text[here - 1 if direction < 0 else here].isspace():
            return here
    return position


def _inside(entities: Iterable[Entity], start: int, end: int) -> list[tuple[int, int, str]]:
    inside = [
        (e.start_char - start, e.end_char - start, e.label)
        for e in entities
        if e.start_char < end and e.end_char > start
    ]
    return sorted(inside)


def _span_dict(entity: Entity | None, text: str) -> dict[str, Any] | None:
    if entity is None:
        return None
    return {"text": text, "label": entity.label, "start": entity.start_char, "end": entity.end_char}


def _position(pair: Pair) -> tuple[int, int]:
    entity = pair.gold or pair.predicted
    assert entity is not None
    return entity.start, entity.end
