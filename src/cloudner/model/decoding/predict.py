"""From the scores of some documents to their entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from spacy.tokens import Doc

from cloudner.model.decoding.o_shift import with_o_shifted
from cloudner.model.decoding.platt import Platt
from cloudner.model.decoding.sequences import Transitions
from cloudner.model.decoding.spans import candidate_spans, span_probabilities
from cloudner.model.decoding.viterbi import best_paths
from cloudner.pieces.annotations import Places, Prediction, preset
from cloudner.pieces.gold import solid_tokens
from cloudner.pieces.scheme import TagScheme


def entities(
    emissions: Any,
    docs: Sequence[Doc],
    scheme: TagScheme,
    transitions: Transitions | None,
    options: Mapping[str, Any],
) -> Prediction:
    """The entities of `docs`, and with them what `options` ask for: "o_shift" or, where it is "auto", "fitted_o_shift" (of
    the tags that are chosen), "confidence", "threshold", "temperature" and "platt" (of probabilities), "spans_key" and "spans_floor"
    (candidate spans).

    emissions: `Emissions` of these documents, or None where they have no token. Tokens that are an entity already, or
    blocked, are held at O; where such a token is white space, which has no tag, no entity goes on past it.
    """
    if emissions is None:
        none = np.zeros((0, 4), dtype=np.int64), np.zeros(0)
        return Prediction(*none, *(none if options["spans_key"] else ()))
    scores, offsets = emissions.scores, emissions.offsets
    solid = solid_tokens(docs)
    fixed = preset(docs)
    if fixed.any():
        scores[fixed[solid], 1:] = -1e9
        scores[np.ix_(_after_fixed_space(fixed, solid), scheme.inside)] = -1e9
    shift = options["fitted_o_shift"] if options["o_shift"] == "auto" else options["o_shift"]
    spans = scheme.decode(best_paths(with_o_shifted(scores, shift), offsets, scheme, transitions), offsets)
    # Token positions: the doc of each span, and where its tokens stand in it once white space counts again.
    starts = np.cumsum([0, *(len(doc) for doc in docs)])
    place = Places(offsets, starts, np.flatnonzero(solid))
    result = Prediction(place(spans))
    threshold, temperature = options["threshold"], options["temperature"]
    if not (options["confidence"] or threshold > 0 or options["spans_key"]):
        return result
    scaled = scores / temperature if temperature != 1.0 else scores
    moves = transitions.scaled(temperature) if transitions is not None else None
    confidence = Platt(*options["platt"])
    result.probability = confidence(span_probabilities(scaled, offsets, spans, scheme, moves))
    if threshold > 0:
        kept = result.probability >= threshold
        result.spans, result.probability = result.spans[kept], result.probability[kept]
    if options["spans_key"]:
        floor = confidence.probability_at(options["spans_floor"])
        candidates, probability = candidate_spans(scaled, offsets, scheme, floor, moves)
        result.candidates, result.candidate_probability = place(candidates), confidence(probability)
    return result


def _after_fixed_space(fixed: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """(solid tokens,) bool: does fixed white space lie between the token and the solid one before it? fixed, solid: (tokens,)
    bool."""
    passed = np.cumsum(fixed & ~solid)[solid]
    return np.diff(passed, prepend=0) > 0
