"""Scores on annotated documents: what a calibration is fitted on, and the F1 that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cloudner.model.decoding.sequences import Transitions
from cloudner.pieces.scheme import TagScheme


@dataclass(frozen=True)
class Evidence:
    """What a tagger's temperature is fitted on.

    scores: (tokens, tags) float32 of the non-space tokens. offsets: (docs + 1,) bounds of the documents' tokens. gold:
    (tokens,) tags, -1 where there is no annotation, -2 in entities of labels that the tagger does not have. moves: a CRF's
    transitions, else None. missed: how many of those entities there are, by label.
    """

    scores: np.ndarray
    offsets: np.ndarray
    gold: np.ndarray
    scheme: TagScheme
    moves: Transitions | None
    missed: Mapping[str, int] = field(default_factory=dict)

    def truth(self) -> set[tuple[int, ...]]:
        """The annotated entities: first token, end (exclusive), label index."""
        return set(map(tuple, self.scheme.decode(np.maximum(self.gold, 0), self.offsets).tolist()))


def performance_of(evidence: Evidence, shift: float) -> dict[str, Any]:
    """The scores of `spacy.ner_scorer.v1` with `shift` added to the score of O. That scorer leaves out entities that touch a
    token without annotation."""
    from spacy.scorer import PRFScore

    from cloudner.model.decoding.o_shift import known_spans, with_o_shifted

    scheme, offsets, gold = evidence.scheme, evidence.offsets, evidence.gold
    moved = with_o_shifted(evidence.scores, shift)
    truth = evidence.truth()
    found = set(map(tuple, known_spans(moved, offsets, gold, scheme, evidence.moves).tolist()))
    whole, by_label = PRFScore(), {}
    for number in sorted({label for _, _, label in truth | found}):
        one = by_label[scheme.labels[number]] = PRFScore()
        one.score_set({s for s in found if s[2] == number}, {s for s in truth if s[2] == number})
        whole += one
    for label, count in evidence.missed.items():
        by_label[label] = PRFScore(fn=count)
        whole += by_label[label]
    return {
        "ents_p": whole.precision,
        "ents_r": whole.recall,
        "ents_f": whole.fscore,
        "ents_per_type": {label: score.to_dict() for label, score in by_label.items()},
    }
