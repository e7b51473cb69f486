"""What decoding works on: sequences of scores, and the transitions that a CRF has learned.

Sequences lie after one another; `offsets` (sequences + 1,) bounds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Transitions:
    """Learned scores of a CRF: between (tags, tags), start (tags,), end (tags,)."""

    between: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def scaled(self, temperature: float) -> Transitions:
        return Transitions(self.between / temperature, self.start / temperature, self.end / temperature)


def by_length(chunks: np.ndarray, most: int = 256) -> list[np.ndarray]:
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


def pad(scores: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(steps, sequences, tags) float64 scores, zero beyond a sequence's end, and (sequences,) lengths."""
    lengths = ends - begins
    steps = int(lengths.max())
    index = begins[None, :] + np.minimum(np.arange(steps)[:, None], lengths[None, :] - 1)
    return scores[index].astype(np.float64), lengths
