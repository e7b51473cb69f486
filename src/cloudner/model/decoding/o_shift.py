"""What is added to the score of O before tags are chosen, and how much of it gives the best F1 on held-out data.

A tagger is trained for the likelihood of every tag, and F1 counts entities alone: the tags of highest probability are not
those of highest F1 (Lipton et al., 2014, Optimal thresholding of classifiers to maximize F1 measure). One number moves the
decision; it is fitted where the gold is known and the tagger has not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudner.model.decoding.sequences import Transitions
from cloudner.model.decoding.spans import span_probabilities, tag_probabilities
from cloudner.model.decoding.viterbi import best_paths
from cloudner.pieces.scheme import MISSING, TagScheme

# Shifts that are tried, in the units of a score (natural logarithm of the odds), and those on either side that are averaged:
# F1 over a few hundred entities jumps from one shift to the next.
_STEP, _MOST, _BESIDE = 0.25, 2.0, 2
# What the calibrated probabilities expect of F1 counts as much as this many gold entities: what a few of them say of a shift
# is mostly chance. Of 0 to 1,600 the best on the mean of four corpora whose worst loss is below a point (docs/choices.md).
_EXPECTED = 400


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
    *,
    temperature: float = 1.0,
    expected: float = _EXPECTED,
    missed: int = 0,
) -> OShift:
    """The shift in [-2, 2] that gives the best F1, by the gold entities and by what the probabilities expect of it, weighted n to
    `expected` where there are n gold entities.

    scores: (tokens, tags) float32. offsets: (documents + 1,) bounds. gold: (tokens,) tags, -1 where nothing is known:
    entities that touch such a token do not count; -2 in entities that no tag can say, of which there are `missed`.
    temperature: by which scores become calibrated probabilities. The expected F1 of some spans is 2 * sum of their
    probabilities / (their number + expected number of entities).
    """
    shifts = np.arange(-_MOST - _BESIDE * _STEP, _MOST + (_BESIDE + 0.5) * _STEP, _STEP)
    here = int(np.abs(shifts).argmin())
    truth = set(map(tuple, scheme.decode(np.maximum(gold, 0), offsets).tolist()))
    if not truth:
        return OShift(0.0, None, None)
    found = [known_spans(with_o_shifted(scores, s), offsets, gold, scheme, transitions) for s in shifts]
    right = [sum(tuple(span) in truth for span in spans.tolist()) for spans in found]
    f1 = np.array([2 * r / (len(s) + len(truth) + missed) for r, s in zip(right, found, strict=True)])
    moves = None if transitions is None else transitions.scaled(temperature)
    hoped = _expected_f1(scores / temperature, offsets, gold, found, scheme, moves)
    share = len(truth) / (len(truth) + expected)
    gain = share * (f1 - f1[here]) + (1 - share) * (hoped - hoped[here])
    smooth = np.lib.stride_tricks.sliding_window_view(gain, 2 * _BESIDE + 1).mean(axis=1)
    nearest = np.abs(shifts[_BESIDE:-_BESIDE])  # of equal ones the smallest
    best = int((smooth - 1e-9 * nearest).argmax()) + _BESIDE
    return OShift(round(float(shifts[best]), 6) + 0.0, float(f1[here]), float(f1[best]))


def known_spans(
    scores: np.ndarray,
    offsets: np.ndarray,
    gold: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(spans, 3) of the best paths, without those that touch a token of which nothing is known."""
    spans = scheme.decode(best_paths(scores, offsets, scheme, transitions), offsets)
    unknown = np.concatenate([[0], np.cumsum(gold == MISSING)])
    return spans[unknown[spans[:, 1]] == unknown[spans[:, 0]]]


def _expected_f1(
    scaled: np.ndarray,
    offsets: np.ndarray,
    gold: np.ndarray,
    found: list[np.ndarray],
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(shifts,) by the probabilities of `scaled` scores; found: the spans of each shift."""
    every, where = np.unique(np.concatenate(found), axis=0, return_inverse=True)
    probability = span_probabilities(scaled, offsets, every, scheme, transitions)[where.ravel()]
    begins = tag_probabilities(scaled, offsets, scheme, transitions)[:, scheme.begins]
    there = float(begins[gold != MISSING].sum())
    parts = np.split(probability, np.cumsum([len(spans) for spans in found])[:-1])
    return np.array([2 * part.sum() / max(len(part) + there, 1e-9) for part in parts])
