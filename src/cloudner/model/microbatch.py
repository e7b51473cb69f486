"""Sequences to micro-batches: little padding, no more pieces than fit, few calls."""

from __future__ import annotations

import numpy as np

# What one more call of the network costs, in pieces it could have computed in that time. On a CPU a call's fixed
# cost is small beside its arithmetic; on a GPU a short batch takes as long as one of thousands of pieces.
OVERHEAD = {"cpu": 48, "cuda": 4096}


def plan(lengths: np.ndarray, budget: int, overhead: int) -> list[np.ndarray]:
    """Indices of sequences, micro-batch by micro-batch, longest first.

    lengths: (sequences,) pieces, special tokens included. Of all ways to cut the length-sorted list, the one of
    least cost, where a batch costs its padded pieces plus `overhead`; batches hold at most `budget` padded pieces
    (one sequence always fits: it is tried, whatever it needs). Longest first, so that memory runs out at once or
    not at all.
    """
    if not len(lengths):
        return []
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    # Equal lengths never part except for the budget, so the search runs over runs of equal length.
    heads = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    bounds = np.append(heads, len(ordered))
    n = len(heads)
    best = np.full(n + 1, np.inf)
    best[n] = 0.0
    follow = np.zeros(n, dtype=np.int64)
    for i in range(n - 1, -1, -1):
        longest = int(ordered[bounds[i]])
        stops = np.arange(i + 1, n + 1)
        count = bounds[stops] - bounds[i]
        per_batch = max(1, budget // longest)
        batches = -(-count // per_batch)
        cost = count * longest + batches * overhead + best[stops]
        j = int(cost.argmin())
        best[i], follow[i] = cost[j], stops[j]
    groups: list[np.ndarray] = []
    i = 0
    while i < n:
        begin, end = int(bounds[i]), int(bounds[follow[i]])
        per_batch = max(1, budget // int(ordered[begin]))
        groups.extend(order[k : min(k + per_batch, end)] for k in range(begin, end, per_batch))
        i = int(follow[i])
    return groups
