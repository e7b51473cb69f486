"""What is measured of texts, a number and a weight for each document, so that a whole is their sums' ratio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from cloudner.loading import cloudner_pipes, own_group
from cloudner.pieces.found import found_in

_CHUNK = 512


@dataclass(frozen=True)
class Measure:
    """A ratio over documents: the sum of `counts` over that of `weights`, both (documents,) float64.

    unit: what the ratio is of. Of no weight at all it is not a number.
    """

    name: str
    unit: str
    counts: np.ndarray
    weights: np.ndarray

    @property
    def value(self) -> float:
        total = float(self.weights.sum())
        return float(self.counts.sum()) / total if total else float("nan")


@dataclass
class _Facts:
    """Of one document."""

    tokens: int
    pieces: int
    unknown: int
    labels: dict[str, int]
    entities: int
    sure: list[float]
    unseen: int


def measure(
    nlp: Language,
    texts: Iterable[str],
    known: Mapping[str, Any] | None,
    labels: Sequence[str],
    batch_size: int | None = None,
) -> tuple[int, list[Measure]]:
    """The number of documents, and all measures: length, word pieces, entities by label, confidence, unseen entities.
    Entities are `doc.ents`, or the spans of the pipeline's `own_group`.

    known: entities of the training data by their text (white space normalised), or None to leave that measure out.
    """
    facts = list(_facts(nlp, texts, known, batch_size))
    column = _columns(facts)
    tokens, entities = column(lambda f: f.tokens), column(lambda f: f.entities)
    ones = np.ones(len(facts))
    made = [Measure("length", "tokens a document", tokens, ones)]
    if any(f.pieces for f in facts):
        pieces = column(lambda f: f.pieces)
        made.append(Measure("word pieces", "a token", pieces, tokens))
        made.append(Measure("unknown pieces", "of all pieces", column(lambda f: f.unknown), pieces))
    made.append(Measure("entities", "a 1,000 tokens", 1000 * entities, tokens))
    for label in labels:
        counts = column(lambda f, label=label: f.labels.get(label, 0))
        made.append(Measure(f"entities {label}", "a 1,000 tokens", 1000 * counts, tokens))
    if any(cloudner_pipes(nlp)) or any(f.sure for f in facts):
        made.append(
            Measure("confidence", "mean", column(lambda f: sum(f.sure)), column(lambda f: len(f.sure)))
        )
    if known is not None:
        made.append(Measure("unseen entities", "of all entities", column(lambda f: f.unseen), entities))
    return len(facts), made


def _columns(facts: list[_Facts]) -> Any:
    return lambda of: np.array([of(each) for each in facts], dtype=np.float64)


def _facts(
    nlp: Language, texts: Iterable[str], known: Mapping[str, Any] | None, batch_size: int | None
) -> Iterator[_Facts]:
    tokenizer = next((pipe.model.shims[0].runner.tokenizer for pipe in _with_encoder(nlp)), None)
    documents, group = nlp.pipe(texts, batch_size=batch_size), own_group(nlp)
    while chunk := list(islice(documents, _CHUNK)):
        pieces = (
            [each.ids for each in tokenizer.encode(chunk)]
            if tokenizer is not None
            else [np.zeros(0)] * len(chunk)
        )
        unknown = tokenizer.special["unk"] if tokenizer is not None else -1
        for doc, ids in zip(chunk, pieces, strict=True):
            yield _of(doc, group, len(ids), int((ids == unknown).sum()), known)


def _with_encoder(nlp: Language) -> Iterator[Any]:
    for pipe in cloudner_pipes(nlp):
        if getattr(pipe.model.shims[0].runner, "tokenizer", None) is not None:
            yield pipe


def _of(doc: Doc, group: str | None, pieces: int, unknown: int, known: Mapping[str, Any] | None) -> _Facts:
    labels: dict[str, int] = {}
    sure, unseen = [], 0
    found = found_in(doc, group)
    for ent, confidence in found:
        labels[ent.label_] = labels.get(ent.label_, 0) + 1
        if confidence is not None:
            sure.append(confidence)
        unseen += known is not None and " ".join(ent.text.split()) not in known
    return _Facts(len(doc), pieces, unknown, labels, len(found), sure, unseen)
