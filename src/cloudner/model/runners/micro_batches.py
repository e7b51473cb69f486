"""Sequences to micro-batches: little padding, no more pieces than fit, few calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cloudner.model.memory_errors import free_device_memory, is_out_of_memory

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


def in_micro_batches(
    rows: np.ndarray,
    lengths: np.ndarray,
    run: Callable[[np.ndarray], None],
    *,
    budget: Callable[[], int],
    overhead: int,
    make_room: Callable[[], bool],
    shrink: Callable[[int], None],
) -> None:
    """Run all `rows`, micro-batch by micro-batch, longest first.

    One that does not fit into memory is run again once `make_room` has given something back; where it has nothing, it is
    cut in two, and `shrink` is told how many padded pieces were half of it. A run that fails must have had no
    effect. Raises the error of a single sequence that does not fit.
    """
    waiting = [rows[group] for group in plan(lengths[rows], budget(), overhead)]
    waiting.reverse()
    while waiting:
        batch = waiting.pop()
        padded, half = len(batch) * int(lengths[batch].max()), len(batch) // 2
        if len(batch) > 1 and padded > budget():
            waiting += [batch[half:], batch[:half]]
            continue
        failed = None
        try:
            run(batch)
            continue
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                failed = error.with_traceback(None)  # whose frames keep what the failed pass had allocated
        if make_room():
            free_device_memory()
            waiting.append(batch)
            continue
        if failed is not None:
            raise failed
        free_device_memory()
        shrink(padded // 2)
        waiting += [batch[half:], batch[:half]]
