"""From the scores of a micro-batch to the spans that are found, and to a `Prediction`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from spacy.tokens import Doc

from cloudner.model.network.span_head import SpanSequences
from cloudner.pieces.annotations import Places, Prediction
from cloudner.pieces.gold import solid_tokens


@dataclass(slots=True)
class SpanScores:
    """The spans found in some documents.

    spans: (spans, 3) int64 first token, end (exclusive), label index, over the non-space tokens of all docs; in this order.
    scores: (spans,) float32. offsets: (docs + 1,) bounds of the documents' tokens.
    """

    spans: np.ndarray
    scores: np.ndarray
    offsets: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, np.ndarray]], offsets: np.ndarray) -> SpanScores:
        spans = np.concatenate([np.zeros((0, 3), np.int64), *(part[0] for part in parts)])
        scores = np.concatenate([np.zeros(0, np.float32), *(part[1] for part in parts)])
        order = np.lexsort((spans[:, 2], spans[:, 1], spans[:, 0]))
        return cls(spans[order], scores[order], offsets)


def span_scores(
    scores: torch.Tensor, batch: SpanSequences, first: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """`SpanScores.spans` and `scores` of (sequences, labels, start, end). first: (sequences,) the first token of each."""
    scores = scores.float()
    found = torch.nonzero((scores >= least) & batch.spans()[:, None])
    values = scores[tuple(found.T)].cpu().numpy()
    row, label, start, end = found.cpu().numpy().T
    return np.stack([first[row] + start, first[row] + end + 1, label], axis=1), values


def score_at(probability: float, temperature: float = 1.0) -> float:
    """The score at which a span has this probability."""
    if not 0 < probability < 1:
        return -math.inf if probability <= 0 else math.inf
    return temperature * math.log(probability / (1 - probability))


def spans_found(found: SpanScores | None, docs: Sequence[Doc], temperature: float) -> Prediction:
    """The spans over the tokens of each doc, with their probabilities. found: of these docs; None where no doc has a
    token."""
    if found is None:
        return Prediction(np.zeros((0, 4), dtype=np.int64), np.zeros(0))
    starts = np.cumsum([0, *(len(doc) for doc in docs)])
    place = Places(found.offsets, starts, np.flatnonzero(solid_tokens(docs)))
    scaled = found.scores.astype(np.float64) / temperature
    return Prediction(place(found.spans), np.exp(-np.logaddexp(0.0, -scaled)))
