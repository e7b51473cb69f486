"""What is added to the score of O before tags are chosen, and how much of it gives the best F1 on held-out data.

A tagger is trained for the likelihood of every tag, and F1 counts entities alone: the tags of highest probability are not
those of highest F1 (Lipton et al., 2014, Optimal thresholding of classifiers to maximize F1 measure). One number moves the
decision; it is fitted where the gold is known and the tagger has not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudner.model.decoding.sequences import Transitions
from cloudner.model.decoding.viterbi import best_paths
from cloudner.pieces.scheme import TagScheme

# Shifts that are tried, in the units of a score (natural logarithm of the odds), and those on either side that are averaged:
# F1 over a few hundred entities jumps from one shift to the next.
_STEP, _MOST, _BESIDE = 0.25, 2.0, 2
# By how many standard errors a gain is discounted, and the gold entities below which none is looked for.
_DISCOUNT, _LEAST = 0.5, 100


@dataclass(frozen=True)
class OShift:
    """shift: what to add to the score of O. f1_before, f1_after: strict F1 on the data it was fitted on, with 0 and with it."""

    shift: float
    f1_before: float | None
    f1_after: float | None


def with_o_shifted(scores: np.ndarray, shift: float) -> np.ndarray:
    """(tokens, tags) scores with `shift` added to those of O; the same array where it is 0."""
    if not shift:
        return scores
    moved = scores.copy()
    moved[:, 0] += shift
    return moved


def fit_o_shift(
    scores: np.ndarray,
    offsets: np.ndarray,
    gold: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None = None,
) -> OShift:
    """The shift in [-2, 2] that gives the best F1, less half a standard error of its gain over 0; 0 where no gain is left or there
    are fewer than 100 gold entities.

    scores: (tokens, tags) float32. offsets: (documents + 1,) bounds. gold: (tokens,) tags, -1 where nothing is known:
    entities that touch such a token do not count. The standard error is that of F1 over documents, by the delta method.
    """
    shifts = np.arange(-_MOST - _BESIDE * _STEP, _MOST + (_BESIDE + 0.5) * _STEP, _STEP)
    truth = set(map(tuple, scheme.decode(np.maximum(gold, 0), offsets).tolist()))
    counts = np.stack(
        [
            _counted(with_o_shifted(scores, shift), offsets, gold, truth, scheme, transitions)
            for shift in shifts
        ]
    )
    right, found, there = (counts[:, :, i].sum(1) for i in range(3))
    both = np.maximum(found + there, 1)
    f1 = 2 * right / both
    here = int(np.abs(shifts).argmin())
    if len(truth) < _LEAST:
        known = float(f1[here]) if truth else None
        return OShift(0.0, known, known)
    influence = (2 * counts[:, :, 0] - f1[:, None] * (counts[:, :, 1] + counts[:, :, 2])) / both[:, None]
    smooth, influence = _averaged(f1), _averaged(influence)
    zero = here - _BESIDE
    error = np.sqrt(((influence - influence[zero]) ** 2).sum(1))
    gain = smooth - smooth[zero] - _DISCOUNT * error
    nearest = np.abs(shifts[_BESIDE:-_BESIDE])  # of equal ones the smallest
    best = int((gain - 1e-9 * nearest).argmax()) + _BESIDE
    return OShift(round(float(shifts[best]), 6) + 0.0, float(f1[here]), float(f1[best]))


def _counted(
    scores: np.ndarray,
    offsets: np.ndarray,
    gold: np.ndarray,
    truth: set[tuple[int, ...]],
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(documents, 3) right, predicted and gold entities."""
    spans = scheme.decode(best_paths(scores, offsets, scheme, transitions), offsets)
    unknown = np.concatenate([[0], np.cumsum(gold < 0)])
    spans = spans[unknown[spans[:, 1]] == unknown[spans[:, 0]]]
    right = np.array([tuple(span) in truth for span in spans.tolist()], dtype=bool)
    there = np.array(sorted(truth), dtype=np.int64).reshape(-1, 3)
    counts = np.zeros((len(offsets) - 1, 3))
    for column, rows in enumerate((spans[right], spans, there)):
        documents = np.searchsorted(offsets, rows[:, 0], side="right") - 1
        counts[:, column] = np.bincount(documents, minlength=len(counts))
    return counts


def _averaged(values: np.ndarray) -> np.ndarray:
    """Means over each shift and those beside it, along the first axis, which loses its ends."""
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * _BESIDE + 1, axis=0)
    return windows.mean(axis=-1)
