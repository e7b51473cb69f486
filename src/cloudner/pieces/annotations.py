"""What is written to documents: entities, confidences and candidates, through arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.attrs import ENT_ID, ENT_IOB, ENT_KB_ID, ENT_TYPE
from spacy.strings import StringStore
from spacy.tokens import Doc, Span, SpanGroup

# spaCy's codes of ENT_IOB
_INSIDE, _OUTSIDE, _BEGIN = 1, 2, 3


@dataclass(slots=True)
class Prediction:
    """Entities of a list of docs, before anything is written.

    spans: (spans, 4) int64 of doc index, start token, end token (exclusive), label index; by doc and start.
    probability: (spans,) float64, or None when neither confidence nor a threshold asks for it.
    candidates, candidate_probability: the same for every span above the floor, where a `spans_key` asks for it.
    """

    spans: np.ndarray
    probability: np.ndarray | None = None
    candidates: np.ndarray | None = None
    candidate_probability: np.ndarray | None = None

    def by_probability(self) -> Prediction:
        """The spans with the likeliest last: what is written in one place for each then stays its."""
        assert self.probability is not None
        order = np.argsort(self.probability, kind="stable")
        return Prediction(self.spans[order], self.probability[order])


def write_entities(
    docs: Sequence[Doc], spans: np.ndarray, strings: StringStore, labels: Sequence[str]
) -> None:
    """`doc.ents` of `Prediction.spans`; what an earlier component has set stays."""
    hashes = np.array([strings.add(label) for label in labels], dtype=np.uint64)
    starts = np.cumsum([0, *(len(doc) for doc in docs)])
    iob = np.full(starts[-1], _OUTSIDE, dtype=np.uint64)
    kind = np.zeros(starts[-1], dtype=np.uint64)
    if len(spans):
        first, last = starts[spans[:, 0]] + spans[:, 1], starts[spans[:, 0]] + spans[:, 2]
        change = np.zeros(starts[-1] + 1, dtype=np.int64)
        np.add.at(change, first, spans[:, 3] + 1)
        np.add.at(change, last, -(spans[:, 3] + 1))
        covered = np.cumsum(change)[:-1]
        inside = covered > 0
        kind[inside] = hashes[covered[inside] - 1]
        iob[inside] = _INSIDE
        iob[first] = _BEGIN
    annotated = [len(doc) > 0 and doc.has_annotation("ENT_IOB") for doc in docs]
    before = preset_table(docs) if any(annotated) else None
    kept = np.zeros(starts[-1], dtype=bool)
    if before is not None:
        kept = (before[:, 0] == _BEGIN) | (before[:, 0] == _INSIDE)
        iob[kept], kind[kept] = before[kept, 0], before[kept, 1]
    table: Any = np.column_stack([iob, kind])
    knowing = strings
    bounds = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    for doc, (start, end), had in zip(docs, bounds, annotated, strict=True):
        if end > start:
            # Documents may come from a DocBin or another pipeline, whose vocabulary does not know the labels yet.
            if doc.vocab.strings is not knowing:
                knowing = doc.vocab.strings
                for label in labels:
                    knowing.add(label)
            doc.from_array([ENT_IOB, ENT_TYPE], table[start:end])
            # spaCy leaves them on the tokens of entities that are taken away, and they would be those of the new ones.
            if had and (doc.has_annotation("ENT_KB_ID") or doc.has_annotation("ENT_ID")):
                ids: Any = doc.to_array([ENT_KB_ID, ENT_ID])
                ids[~kept[start:end]] = 0
                doc.from_array([ENT_KB_ID, ENT_ID], ids)


def write_confidences(docs: Sequence[Doc], found: Prediction) -> None:
    """`ent._.confidence`, straight into the user data that spaCy's extension attributes are kept in."""
    if found.probability is None:
        return
    for (i, start, end, _), p in zip(found.spans.tolist(), found.probability.tolist(), strict=True):
        docs[i].user_data[_confidence_key(docs[i], start, end)] = p


def _confidence_key(doc: Doc, start: int, end: int) -> Any:
    last_token = doc[end - 1]
    return "._.", "confidence", doc[start].idx, last_token.idx + len(last_token)


def write_confidences_of_spans(docs: Sequence[Doc], found: Prediction) -> None:
    """`span._.confidence`, of several labels in one place the highest. An entity that has one keeps it: spaCy's extension
    attributes go by the place, and the entity may have another label."""
    kept = []
    for doc in docs:
        for ent in doc.ents:
            key = _confidence_key(doc, ent.start, ent.end)
            if doc.user_data.get(key) is not None:
                kept.append((doc.user_data, key, doc.user_data[key]))
    write_confidences(docs, found.by_probability())
    for data, key, value in kept:
        data[key] = value


def write_candidates(docs: Sequence[Doc], found: Prediction, key: str, labels: Sequence[str]) -> None:
    """`doc.spans[key]` with the candidates, and their probabilities in `attrs["scores"]`."""
    if found.candidates is None or found.candidate_probability is None:
        return
    spans: list[list[Span]] = [[] for _ in docs]
    values: list[list[float]] = [[] for _ in docs]
    for (i, start, end, label), p in zip(
        found.candidates.tolist(), found.candidate_probability.tolist(), strict=True
    ):
        spans[i].append(Span(docs[i], start, end, label=labels[label]))
        values[i].append(p)
    for doc, group, probabilities in zip(docs, spans, values, strict=True):
        doc.spans[key] = SpanGroup(doc, name=key, spans=group, attrs={"scores": probabilities})


def write_spans(docs: Sequence[Doc], found: Prediction, key: str, labels: Sequence[str]) -> None:
    """`doc.spans[key]` with the spans, and their probabilities, float64 in the same order, in `attrs["scores"]`."""
    assert found.probability is not None
    bounds = np.searchsorted(found.spans[:, 0], np.arange(len(docs) + 1))
    for doc, first, last in zip(docs, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = found.spans[first:last, 1:].tolist()
        spans = [Span(doc, start, end, label=labels[label]) for start, end, label in rows]
        scores = found.probability[first:last].copy()
        doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs={"scores": scores})


def longest(docs: Sequence[Doc], found: Prediction) -> Prediction:
    """The spans that can be entities together: longest first, of equally long ones the likeliest; none of a token that is
    an entity already, or blocked."""
    assert found.probability is not None
    starts = np.cumsum([0, *(len(doc) for doc in docs)])
    taken = preset(docs)
    size = found.spans[:, 2] - found.spans[:, 1]
    kept = []
    for i in np.lexsort((-found.probability, -size)).tolist():
        doc, start, end, _ = found.spans[i].tolist()
        inside = slice(starts[doc] + start, starts[doc] + end)
        if not taken[inside].any():
            taken[inside] = True
            kept.append(i)
    kept.sort()
    return Prediction(found.spans[kept], found.probability[kept])


class Places:
    """Spans over the solid tokens of all docs to spans over the tokens of each."""

    def __init__(self, offsets: np.ndarray, starts: np.ndarray, position: np.ndarray) -> None:
        self.offsets, self.starts, self.position = offsets, starts, position

    def __call__(self, spans: np.ndarray) -> np.ndarray:
        if not len(spans):
            return np.zeros((0, 4), dtype=np.int64)
        doc = np.searchsorted(self.offsets, spans[:, 0], side="right") - 1
        begin = self.starts[doc]
        first = self.position[spans[:, 0]] - begin
        last = self.position[spans[:, 1] - 1] - begin + 1
        return np.stack([doc, first, last, spans[:, 2]], axis=1)


def preset_table(docs: Sequence[Doc]) -> np.ndarray | None:
    """(tokens, 2) IOB and type of all docs, or None when no earlier component has set an entity or a block."""
    if not any(len(doc) and doc.has_annotation("ENT_IOB") for doc in docs):  # a tenth of what an array takes
        return None
    table = np.concatenate([doc.to_array([ENT_IOB, ENT_TYPE]) for doc in docs if len(doc)])
    return table if (table[:, 0] % 2 == 1).any() else None


def preset(docs: Sequence[Doc]) -> np.ndarray:
    """(tokens,) bool: is the token part of an entity, or blocked, before this component runs?"""
    table = preset_table(docs)
    if table is None:
        return np.zeros(sum(len(doc) for doc in docs), dtype=bool)
    return table[:, 0] % 2 == 1
