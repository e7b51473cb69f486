"""The probability of spans under valid paths, and the spans that are likely."""

from __future__ import annotations

import numpy as np

from cloudner.model.decoding.lattice import Lattice
from cloudner.model.decoding.sequences import Transitions, by_length
from cloudner.pieces.scheme import TagScheme


def span_probabilities(
    scores: np.ndarray,
    offsets: np.ndarray,
    spans: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None = None,
) -> np.ndarray:
    """(spans,) float64: the probability that exactly this span with this label is an entity, among valid paths.

    Forward-backward over the constrained model (Rabiner 1989, section III, with his scaling): the weight of all
    valid paths through the span's tags and nothing but them, over the weight of all valid paths.

    spans: (spans, 3) start, end (exclusive), label index, as `TagScheme.decode` gives them; start and end are
    indices into `scores` and lie in one sequence.
    """
    result = np.zeros(len(spans))
    if not len(spans):
        return result
    sequence = np.searchsorted(offsets, spans[:, 0], side="right") - 1
    used, inverse = np.unique(sequence, return_inverse=True)
    bounds = np.stack([offsets[used], offsets[used + 1]], axis=1)
    for rows in by_length(bounds):
        member = np.flatnonzero(np.isin(inverse, rows))
        position = np.zeros(len(used), dtype=np.int64)
        position[rows] = np.arange(len(rows))
        local = spans[member].copy()
        local[:, :2] -= bounds[inverse[member], 0][:, None]
        lattice = Lattice(scores, bounds[rows, 0], bounds[rows, 1], scheme, transitions)
        result[member] = lattice.spans(position[inverse[member]], local)
    return result


def candidate_spans(
    scores: np.ndarray,
    offsets: np.ndarray,
    scheme: TagScheme,
    floor: float,
    transitions: Transitions | None = None,
    longest: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """All spans of at most `longest` tokens whose probability is at least `floor`, and those probabilities.

    (spans, 3) as `TagScheme.decode` gives them, by start. A span is never likelier than any one of its tags, so
    only runs of tags whose own probability reaches the floor are tried.
    """
    if not len(scores):
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0)
    marginal = tag_probabilities(scores, offsets, scheme, transitions)
    end_of = np.repeat(offsets[1:], np.diff(offsets))
    rows: list[np.ndarray] = []
    for label in range(len(scheme.labels)):
        begins = marginal[:, scheme.first(label)]
        inner = marginal[:, scheme.between(label)]
        if scheme.name == "BILUO":
            begins = begins + marginal[:, scheme.only(label)]
            inner = inner + marginal[:, scheme.last(label)]
        starts = np.flatnonzero(begins >= floor)
        stops = starts + 1
        for _ in range(longest):
            if not len(starts):
                break
            rows.append(np.stack([starts, stops, np.full_like(starts, label)], axis=1))
            going = (stops < end_of[starts]) & (inner[np.minimum(stops, len(inner) - 1)] >= floor)
            starts, stops = starts[going], stops[going] + 1
    if not rows:
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0)
    spans = np.concatenate(rows)
    spans = spans[np.lexsort((spans[:, 2], spans[:, 1], spans[:, 0]))]
    probability = span_probabilities(scores, offsets, spans, scheme, transitions)
    kept = probability >= floor
    return spans[kept], probability[kept]


def tag_probabilities(
    scores: np.ndarray, offsets: np.ndarray, scheme: TagScheme, transitions: Transitions | None
) -> np.ndarray:
    """(tokens, tags): the probability of each token's tag among valid paths."""
    out = np.zeros(scores.shape)
    bounds = np.stack([offsets[:-1], offsets[1:]], axis=1)
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    for rows in by_length(bounds):
        lattice = Lattice(scores, bounds[rows, 0], bounds[rows, 1], scheme, transitions)
        product = lattice.alpha * lattice.after / lattice.total[:, None]
        for column, (begin, end) in enumerate(bounds[rows].tolist()):
            out[begin:end] = product[: end - begin, column]
    return out
