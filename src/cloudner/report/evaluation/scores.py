"""Strict precision, recall and F1, and the same figures for every way to cut a corpus into parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cloudner.errors import CloudnerError
from cloudner.report.evaluation.spans import Entity, ScoredDocument

SCHEMES = ("strict", "exact", "partial", "ent_type")
SEEN, OTHER_LABEL, UNSEEN = "seen", "seen with another label", "unseen"


@dataclass(frozen=True)
class Score:
    """Counts of entities and what follows from them. A ratio over nothing is 0, as in seqeval and conlleval."""

    correct: int = 0
    predicted: int = 0
    gold: int = 0

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        # In this order of operations the result equals seqeval's to the last bit.
        precision, recall = self.precision, self.recall
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(self.correct + other.correct, self.predicted + other.predicted, self.gold + other.gold)

    def to_dict(self) -> dict[str, float]:
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "correct": self.correct,
            "predicted": self.predicted,
            "gold": self.gold,
        }


@dataclass(frozen=True)
class Average:
    """A mean over labels; `gold` is the number of gold entities behind it."""

    precision: float
    recall: float
    f1: float
    gold: int

    def to_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "gold": self.gold}


@dataclass(frozen=True)
class StrictScores:
    """Bounds and label must both be right.

    micro: over all entities, the figure that is published as "F1".
    macro: the plain mean over labels. weighted: the mean weighted by gold entities of the label.
    per_label: sorted by label; every label that is in the gold data or was predicted.
    """

    micro: Score
    macro: Average
    weighted: Average
    per_label: dict[str, Score] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "micro": self.micro.to_dict(),
            "macro": self.macro.to_dict(),
            "weighted": self.weighted.to_dict(),
            "per_label": {label: score.to_dict() for label, score in self.per_label.items()},
        }


def strict_scores(documents: Iterable[ScoredDocument]) -> StrictScores:
    """The scores of `seqeval` in its strict mode (scheme IOB2) and of the CoNLL script `conlleval`."""
    per_label = grouped_scores(documents, lambda document, entity: entity.label)
    scores = list(per_label.values())
    micro = sum(scores, Score())
    return StrictScores(micro, _average(scores, None), _average(scores, [s.gold for s in scores]), per_label)


def grouped_scores(
    documents: Iterable[ScoredDocument], key: Callable[[ScoredDocument, Entity], Hashable]
) -> dict[Any, Score]:
    """One `Score` for each value of `key`, sorted by value.

    `key` must depend on nothing but the document and the entity's bounds and label: a correct prediction and its
    gold entity then always fall into the same part.
    """
    correct: dict[Any, int] = {}
    predicted: dict[Any, int] = {}
    gold: dict[Any, int] = {}
    for document in documents:
        for entity in document.gold:
            part = key(document, entity)
            gold[part] = gold.get(part, 0) + 1
        for entity, right in zip(document.predicted, document.correct, strict=True):
            part = key(document, entity)
            predicted[part] = predicted.get(part, 0) + 1
            if right:
                correct[part] = correct.get(part, 0) + 1
    return {
        part: Score(correct.get(part, 0), predicted.get(part, 0), gold.get(part, 0))
        for part in sorted(gold.keys() | predicted.keys())
    }


def scores_by_length(documents: Iterable[ScoredDocument], longest: int = 5) -> dict[str, Score]:
    """By number of tokens of the entity: "1", "2", ... and "5+" for the rest."""
    by_length = grouped_scores(documents, lambda document, entity: min(entity.end - entity.start, longest))
    return {f"{n}+" if n == longest else str(n): score for n, score in by_length.items()}


def scores_by_depth(documents: Sequence[ScoredDocument], deepest: int = 3) -> dict[str, Score]:
    """By the number of places of gold entities that one lies inside: "1" for the outermost, "2", "3+" for the rest."""
    places = {id(d): {(e.start, e.end) for e in d.gold} for d in documents}

    def depth(document: ScoredDocument, entity: Entity) -> int:
        start, end = entity[:2]
        around = sum(s <= start and end <= e and (s, e) != (start, end) for s, e in places[id(document)])
        return min(1 + around, deepest)

    by_depth = grouped_scores(documents, depth)
    return {f"{n}+" if n == deepest else str(n): score for n, score in by_depth.items()}


def scores_by_meta(documents: Sequence[ScoredDocument], key: str) -> dict[str, Score]:
    """By `doc.user_data["meta"][key]`; empty where no document has that key."""
    if not any(key in document.meta for document in documents):
        return {}
    return grouped_scores(documents, lambda document, entity: str(document.meta.get(key, "(none)")))


def scores_by_seen(documents: Iterable[ScoredDocument], train: dict[str, set[str]]) -> dict[str, Score]:
    """By whether the training data has the entity's text.

    train: label sets by entity text (`training_surfaces`). "seen": with this label; "seen with another label";
    "unseen": nowhere. Upper and lower case count, white space does not.
    """

    def part(document: ScoredDocument, entity: Entity) -> str:
        labels = train.get(document.surface(entity))
        return UNSEEN if labels is None else SEEN if entity.label in labels else OTHER_LABEL

    scores = grouped_scores(documents, part)
    return {name: scores[name] for name in (SEEN, OTHER_LABEL, UNSEEN) if name in scores}


def count_arrays(documents: Sequence[ScoredDocument], labels: Sequence[str]) -> np.ndarray:
    """Counts for resampling, int64 of shape (documents, labels, 3): correct, predicted, gold."""
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(documents), len(labels), 3), dtype=np.int64)
    for row, document in zip(counts, documents, strict=True):
        for entity in document.gold:
            row[index[entity.label], 2] += 1
        for entity, right in zip(document.predicted, document.correct, strict=True):
            cell = row[index[entity.label]]
            cell[1] += 1
            cell[0] += right
    return counts


def scheme_scores(documents: Sequence[ScoredDocument]) -> dict[str, Any]:
    """The four schemes of SemEval-2013 task 9 as the package `nervaluate` defines them, in tokens.

    Returns `{"overall": {scheme: figures}, "per_label": {label: {scheme: figures}}}`; figures are correct,
    incorrect, partial, missed, spurious, precision, recall and f1. Raises `CloudnerError` where `nervaluate` is
    not installed.
    """
    try:
        from nervaluate import Evaluator
    except ImportError:
        raise CloudnerError(
            "the partial and type schemes need the package nervaluate, which is not installed",
            fix='pip install "cloudner[evaluate]"; with Python 3.11 or later, as nervaluate needs',
        ) from None
    labels = sorted({e.label for document in documents for e in (*document.gold, *document.predicted)})
    if not labels:
        return {"overall": {}, "per_label": {}}
    # Nervaluate compares all pairs of a document for every label and scheme; documents without a mistake come
    # out all correct in each of the four, so only the others are worth its time.
    wrong = [d for d in documents if not (all(d.correct) and len(d.predicted) == len(d.gold))]
    right: dict[str, int] = dict.fromkeys(labels, 0)
    wrong_ids = {id(document) for document in wrong}
    for document in documents:
        if id(document) not in wrong_ids:
            for entity in document.gold:
                right[entity.label] += 1
    evaluated = Evaluator(
        [_token_dicts(document.gold) for document in wrong],
        [_token_dicts(document.predicted) for document in wrong],
        tags=labels,
        loader="dict",
    ).evaluate()
    overall = {
        scheme: _scheme_dict(evaluated["overall"].get(scheme), scheme, sum(right.values()))
        for scheme in SCHEMES
    }
    per_label = {
        label: {
            scheme: _scheme_dict(evaluated["entities"].get(label, {}).get(scheme), scheme, right[label])
            for scheme in SCHEMES
        }
        for label in labels
    }
    return {"overall": overall, "per_label": per_label}


def _token_dicts(entities: Iterable[Entity]) -> list[dict[str, Any]]:
    # Nervaluate's ends are inclusive.
    return [{"label": e.label, "start": e.start, "end": e.end - 1} for e in entities]


def _scheme_dict(result: Any, scheme: str, right: int) -> dict[str, float]:
    from nervaluate.entities import EvaluationResult

    result = result or EvaluationResult()
    result.correct += right
    result.compute_metrics(partial_or_type=scheme in ("partial", "ent_type"))
    names = ("correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "f1")
    return {name: getattr(result, name) for name in names}


def _average(scores: Sequence[Score], weights: Sequence[int] | None) -> Average:
    gold = sum(score.gold for score in scores)
    if not scores or (weights is not None and not sum(weights)):
        return Average(0.0, 0.0, 0.0, gold)
    table = [(score.precision, score.recall, score.f1) for score in scores]
    # numpy's own mean over a label axis, as seqeval takes it: plain sums differ in the last digit.
    means = [float(np.average(np.array(column), weights=weights)) for column in zip(*table, strict=True)]
    return Average(means[0], means[1], means[2], gold)
