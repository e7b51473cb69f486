"""From tag scores to entities: the best valid path, and the probability of spans under valid paths.

Everything here is numpy on the host: scores are few (tokens x tags), and one transfer brings a whole batch.
Sequences lie after one another; `offsets` (sequences + 1,) bounds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cloudner.pieces.scheme import TagScheme

# A sequence longer than this is cut, where decoding must go step by step, inside a run of tokens that are all
# O with ease: the paths on either side cannot influence each other across it.
_LONG, _RUN = 2048, 16
_NEVER = -1e9


@dataclass(frozen=True)
class Transitions:
    """Learned scores of a CRF: between (tags, tags), start (tags,), end (tags,)."""

    between: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def scaled(self, temperature: float) -> Transitions:
        return Transitions(self.between / temperature, self.start / temperature, self.end / temperature)


def best_paths(
    scores: np.ndarray, offsets: np.ndarray, scheme: TagScheme, transitions: Transitions | None = None
) -> np.ndarray:
    """(tokens,) int64: the valid path of highest score of each sequence.

    Without learned transitions the argmax of each token is that path whenever it is valid, so only the other
    sequences are searched (Viterbi).
    """
    tags = scores.argmax(axis=1) if len(scores) else np.zeros(0, dtype=np.int64)
    if transitions is None:
        searched = np.flatnonzero(scheme.invalid(tags, offsets))
    else:
        searched = np.flatnonzero(np.diff(offsets) > 0)
    if len(searched):
        chunks = _chunks(offsets[searched], offsets[searched + 1], tags, scheme)
        for rows in _by_length(chunks):
            begins, ends = chunks[rows, 0], chunks[rows, 1]
            paths = _viterbi(scores, begins, ends, scheme, transitions)
            for begin, end, path in zip(begins, ends, paths, strict=True):
                tags[begin:end] = path[: end - begin]
    return tags


def _chunks(begins: np.ndarray, ends: np.ndarray, tags: np.ndarray, scheme: TagScheme) -> np.ndarray:
    """(chunks, 2) bounds; sequences up to `_LONG` whole."""
    rows = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if end - begin > _LONG:
            outside = np.concatenate([[0], np.cumsum(tags[begin:end] != 0)])
            quiet = np.flatnonzero(outside[_RUN:] == outside[:-_RUN]) + begin + _RUN // 2
            cut = begin
            while end - cut > _LONG:
                i = np.searchsorted(quiet, cut + _LONG // 2)
                if i == len(quiet):
                    break
                rows.append((cut, int(quiet[i])))
                cut = int(quiet[i])
            begin = cut
        rows.append((begin, end))
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def _by_length(chunks: np.ndarray, most: int = 256) -> list[np.ndarray]:
    """Groups of chunks of similar length, so that little of a padded step is wasted."""
    lengths = chunks[:, 1] - chunks[:, 0]
    order = np.argsort(lengths, kind="stable")
    groups, start = [], 0
    while start < len(order):
        longest = max(16, int(lengths[order[start]] * 1.3))
        stop = int(np.searchsorted(lengths[order], longest, side="right"))
        stop = min(max(stop, start + 1), start + most)
        groups.append(order[start:stop])
        start = stop
    return groups


def _pad(scores: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(steps, sequences, tags) float64 scores, zero beyond a sequence's end, and (sequences,) lengths."""
    lengths = ends - begins
    steps = int(lengths.max())
    index = begins[None, :] + np.minimum(np.arange(steps)[:, None], lengths[None, :] - 1)
    return scores[index].astype(np.float64), lengths


def _viterbi(
    scores: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(sequences, steps) best valid paths."""
    padded, lengths = _pad(scores, begins, ends)
    between = np.where(scheme.allowed, 0.0 if transitions is None else transitions.between, _NEVER)
    start = np.where(scheme.may_start, 0.0 if transitions is None else transitions.start, _NEVER)
    end = np.where(scheme.may_end, 0.0 if transitions is None else transitions.end, _NEVER)
    n_steps, n, _ = padded.shape
    best = padded[0] + start
    back = np.zeros(padded.shape, dtype=np.int32)
    for t in range(1, n_steps):
        candidates = best[:, :, None] + between
        back[t] = candidates.argmax(axis=1)
        moved = candidates.max(axis=1) + padded[t]
        best = np.where((t < lengths)[:, None], moved, best)
    paths = np.zeros((n, n_steps), dtype=np.int64)
    tag = (best + end).argmax(axis=1)
    rows = np.arange(n)
    for t in range(n_steps - 1, -1, -1):
        paths[:, t] = tag
        if t:
            tag = np.where(t < lengths, back[t, rows, tag], tag)
    return paths


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
    for rows in _by_length(bounds):
        member = np.flatnonzero(np.isin(inverse, rows))
        position = np.zeros(len(used), dtype=np.int64)
        position[rows] = np.arange(len(rows))
        local = spans[member].copy()
        local[:, :2] -= bounds[inverse[member], 0][:, None]
        lattice = _Lattice(scores, bounds[rows, 0], bounds[rows, 1], scheme, transitions)
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
    marginal = _marginals(scores, offsets, scheme, transitions)
    end_of = np.repeat(offsets[1:], np.diff(offsets))
    rows: list[np.ndarray] = []
    for label in range(len(scheme.labels)):
        base = 1 + label * scheme.width
        begins = marginal[:, base] + (marginal[:, base + 3] if scheme.name == "BILUO" else 0.0)
        inner = marginal[:, base + 1] + (marginal[:, base + 2] if scheme.name == "BILUO" else 0.0)
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


def _marginals(
    scores: np.ndarray, offsets: np.ndarray, scheme: TagScheme, transitions: Transitions | None
) -> np.ndarray:
    """(tokens, tags): the probability of each token's tag among valid paths."""
    out = np.zeros(scores.shape)
    bounds = np.stack([offsets[:-1], offsets[1:]], axis=1)
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    for rows in _by_length(bounds):
        lattice = _Lattice(scores, bounds[rows, 0], bounds[rows, 1], scheme, transitions)
        product = lattice.alpha * lattice.after / lattice.total[:, None]
        for column, (begin, end) in enumerate(bounds[rows].tolist()):
            out[begin:end] = product[: end - begin, column]
    return out


class _Lattice:
    """Scaled forward and backward weights of padded sequences, (steps, sequences, tags)."""

    def __init__(
        self,
        scores: np.ndarray,
        begins: np.ndarray,
        ends: np.ndarray,
        scheme: TagScheme,
        transitions: Transitions | None,
    ) -> None:
        padded, lengths = _pad(scores, begins, ends)
        self.scheme, self.lengths = scheme, lengths
        weights = np.exp(padded - padded.max(axis=2, keepdims=True))
        learned = transitions is not None
        self.between = scheme.allowed * (np.exp(transitions.between) if learned else 1.0)  # type: ignore[union-attr]
        start = scheme.may_start * (np.exp(transitions.start) if learned else 1.0)  # type: ignore[union-attr]
        end = scheme.may_end * (np.exp(transitions.end) if learned else 1.0)  # type: ignore[union-attr]
        n_steps, n, _ = padded.shape
        # `before[t]`: weight of all prefixes that may be followed by each tag at t; `scale` keeps both finite.
        self.weights, self.end = weights, end
        self.before = np.empty_like(weights)
        self.scale = np.ones((n_steps, n))
        self.before[0] = start
        self.alpha = np.empty_like(weights)
        for t in range(n_steps):
            if t:
                self.before[t] = self.alpha[t - 1] @ self.between
            step = self.before[t] * weights[t]
            self.scale[t] = step.sum(axis=1)
            self.alpha[t] = step / self.scale[t][:, None]
        # `after[t]`: weight of all suffixes from t + 1 on, scaled alike, so that sum(alpha * after) is the same
        # at every step: the weight of the valid ends.
        self.after = np.empty_like(weights)
        last = lengths - 1
        for t in range(n_steps - 1, -1, -1):
            if t + 1 < n_steps:
                moved = (self.after[t + 1] * weights[t + 1] / self.scale[t + 1][:, None]) @ self.between.T
                self.after[t] = np.where((t >= last)[:, None], end, moved)
            else:
                self.after[t] = end
        rows = np.arange(n)
        self.total = (self.alpha[last, rows] * end).sum(axis=1)

    def spans(self, rows: np.ndarray, spans: np.ndarray) -> np.ndarray:
        starts, ends, labels = spans.T
        scheme = self.scheme
        width = scheme.width
        base = 1 + labels * width
        single = ends - starts == 1
        first_tag = base if scheme.name == "BIO" else np.where(single, base + 3, base)
        value = self.before[starts, rows, first_tag] * self.weights[starts, rows, first_tag]
        value = value / self.scale[starts, rows]
        tag = first_tag
        longest = int((ends - starts).max())
        for step in range(1, longest):
            t = starts + step
            going = t < ends
            t = np.minimum(t, ends - 1)
            following = base + 1 if scheme.name == "BIO" else np.where(t == ends - 1, base + 2, base + 1)
            moved = (
                value * self.between[tag, following] * self.weights[t, rows, following] / self.scale[t, rows]
            )
            value = np.where(going, moved, value)
            tag = np.where(going, following, tag)
        last = ends - 1
        rest = self.after[last, rows, tag]
        if scheme.name == "BIO":
            # The paths in which the entity goes on are another, longer span.
            more = np.minimum(last + 1, self.weights.shape[0] - 1)
            longer = (
                self.between[tag, base + 1]
                * self.weights[more, rows, base + 1]
                / self.scale[more, rows]
                * self.after[more, rows, base + 1]
            )
            rest = rest - np.where(last + 1 < self.lengths[rows], longer, 0.0)
        return np.clip(value * rest / self.total[rows], 0.0, 1.0)


def path_log_likelihood(
    scores: np.ndarray,
    offsets: np.ndarray,
    tags: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None = None,
) -> float:
    """Mean log-probability a token of valid gold paths among all valid paths (for fitting a temperature).

    Sequences whose gold has missing tags (negative) are left out. Returns 0.0 when none is left.
    """
    lengths = np.diff(offsets)
    complete = np.array([(tags[b:e] >= 0).all() for b, e in pairwise(offsets.tolist())], dtype=bool)
    chosen = np.flatnonzero(complete & (lengths > 0))
    if not len(chosen):
        return 0.0
    total, count = 0.0, 0
    bounds = np.stack([offsets[chosen], offsets[chosen + 1]], axis=1)
    for rows in _by_length(bounds):
        begins, ends = bounds[rows, 0], bounds[rows, 1]
        lattice = _Lattice(scores, begins, ends, scheme, transitions)
        padded, sizes = _pad(scores, begins, ends)
        log_scale = np.log(lattice.scale) + padded.max(axis=2)
        steps = np.arange(padded.shape[0])[:, None]
        log_z = (log_scale * (steps < sizes)).sum(axis=0) + np.log(lattice.total)
        index = begins[None, :] + np.minimum(steps, sizes[None, :] - 1)
        gold = tags[index]
        path = np.take_along_axis(padded, gold[:, :, None], axis=2)[:, :, 0]
        path = (path * (steps < sizes)).sum(axis=0)
        if transitions is not None:
            path += transitions.start[gold[0]] + transitions.end[gold[sizes - 1, np.arange(len(sizes))]]
            moves = transitions.between[gold[:-1], gold[1:]] * (steps[1:] < sizes)
            path += moves.sum(axis=0)
        total += float((path - log_z).sum())
        count += int(sizes.sum())
    return total / count
