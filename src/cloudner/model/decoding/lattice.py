"""Forward and backward weights of all valid paths."""

from __future__ import annotations

import numpy as np

from cloudner.model.decoding.sequences import Transitions, by_length, pad
from cloudner.pieces.scheme import TagScheme


class Lattice:
    """Scaled forward and backward weights of padded sequences, (steps, sequences, tags)."""

    def __init__(
        self,
        scores: np.ndarray,
        begins: np.ndarray,
        ends: np.ndarray,
        scheme: TagScheme,
        transitions: Transitions | None,
    ) -> None:
        padded, lengths = pad(scores, begins, ends)
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
        tag = np.where(ends - starts == 1, scheme.only(labels), scheme.first(labels))
        value = self.before[starts, rows, tag] * self.weights[starts, rows, tag] / self.scale[starts, rows]
        for step in range(1, int((ends - starts).max())):
            t = starts + step
            going = t < ends
            t = np.minimum(t, ends - 1)
            following = np.where(t == ends - 1, scheme.last(labels), scheme.between(labels))
            moved = (
                value * self.between[tag, following] * self.weights[t, rows, following] / self.scale[t, rows]
            )
            value = np.where(going, moved, value)
            tag = np.where(going, following, tag)
        last = ends - 1
        rest = self.after[last, rows, tag]
        if scheme.name == "BIO":
            # The paths in which the entity goes on are another, longer span.
            more, inside = np.minimum(last + 1, self.weights.shape[0] - 1), scheme.between(labels)
            longer = (
                self.between[tag, inside]
                * self.weights[more, rows, inside]
                / self.scale[more, rows]
                * self.after[more, rows, inside]
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
    """Mean log-probability per known token of the gold among all valid paths (for fitting a temperature).

    tags: (tokens,), negative where nothing is known: of a sequence with such tokens, the probability of all valid paths
    that agree with those that are known. A sequence without a known token, or with which no valid path agrees, is left
    out. Returns 0.0 when none is left.
    """
    known = np.concatenate([[0], np.cumsum(tags >= 0)])
    known = known[offsets[1:]] - known[offsets[:-1]]  # of each sequence
    lengths = np.diff(offsets)
    total, count = 0.0, 0
    for whole in (True, False):
        chosen = np.flatnonzero((known > 0) & ((known == lengths) == whole))
        agreeing = scores if whole or not len(chosen) else _agreeing(scores, tags)
        bounds = np.stack([offsets[chosen], offsets[chosen + 1]], axis=1)
        for rows in by_length(bounds):
            begins, ends = bounds[rows, 0], bounds[rows, 1]
            log_z = _log_weights(scores, begins, ends, scheme, transitions)
            if whole:
                gold = _path_scores(scores, begins, ends, tags, transitions)
            else:
                gold = _log_weights(agreeing, begins, ends, scheme, transitions)
            there = np.isfinite(gold)
            total += float((gold - log_z)[there].sum())
            count += int(known[chosen[rows]][there].sum())
    return total / count if count else 0.0


def _agreeing(scores: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """(tokens, tags) scores by which no path has another tag where one is known."""
    known = np.flatnonzero(tags >= 0)
    made = scores.copy()
    made[known] = -np.inf
    made[known, tags[known]] = scores[known, tags[known]]
    return made


def _log_weights(
    scores: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(sequences,) log of the summed weight of all valid paths; not finite where there is none."""
    padded, sizes = pad(scores, begins, ends)
    within = np.arange(padded.shape[0])[:, None] < sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        lattice = Lattice(scores, begins, ends, scheme, transitions)
        log_scale = np.where(within, np.log(lattice.scale) + padded.max(axis=2), 0.0)
        return log_scale.sum(axis=0) + np.log(lattice.total)


def _path_scores(
    scores: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    tags: np.ndarray,
    transitions: Transitions | None,
) -> np.ndarray:
    """(sequences,) score of the path of `tags`, all of which are known."""
    padded, sizes = pad(scores, begins, ends)
    steps = np.arange(padded.shape[0])[:, None]
    gold = tags[begins[None, :] + np.minimum(steps, sizes[None, :] - 1)]
    path = np.take_along_axis(padded, gold[:, :, None], axis=2)[:, :, 0]
    path = (path * (steps < sizes)).sum(axis=0)
    if transitions is not None:
        path += transitions.start[gold[0]] + transitions.end[gold[sizes - 1, np.arange(len(sizes))]]
        path += (transitions.between[gold[:-1], gold[1:]] * (steps[1:] < sizes)).sum(axis=0)
    return path
