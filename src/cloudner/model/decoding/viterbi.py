"""The valid path of highest score (Viterbi)."""

from __future__ import annotations

import numpy as np

from cloudner.model.decoding.sequences import Transitions, by_length, pad
from cloudner.pieces.scheme import TagScheme

# A sequence longer than this is cut, where that changes no path: without learned transitions, inside a run of tokens whose
# best tag is O. O may stand beside O whatever comes before or after, so each side's best path is that of the whole.
_LONG, _RUN = 2048, 16
_NEVER = -1e9


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
        begins, ends = offsets[searched], offsets[searched + 1]
        chunks = _chunks(begins, ends, tags) if transitions is None else np.stack([begins, ends], axis=1)
        for rows in by_length(chunks):
            begins, ends = chunks[rows, 0], chunks[rows, 1]
            paths = _viterbi(scores, begins, ends, scheme, transitions)
            for begin, end, path in zip(begins, ends, paths, strict=True):
                tags[begin:end] = path[: end - begin]
    return tags


def _chunks(begins: np.ndarray, ends: np.ndarray, tags: np.ndarray) -> np.ndarray:
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


def _viterbi(
    scores: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    scheme: TagScheme,
    transitions: Transitions | None,
) -> np.ndarray:
    """(sequences, steps) best valid paths."""
    padded, lengths = pad(scores, begins, ends)
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
