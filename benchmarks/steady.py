"""Speed once a training runs evenly: the first twentieth of the steps, at least one, is left out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def steady(began: float, ends: Sequence[float], words: Sequence[int]) -> dict[str, float | int]:
    """`ends`: the clock after each step; `words` of each step. Empty where there are fewer than four steps.

    words_per_second is words over seconds of all steps that count, so that it does not matter whether a step ends when
    the device is done or when the host is; step_ms is the median of the seconds between two ends.
    """
    count = min(len(ends), len(words))
    if count < 4:
        return {}
    warm = max(1, count // 20)
    times = [b - a for a, b in zip([began, *ends], ends, strict=False)][warm:count]
    counted = sum(words[warm:count])
    return {
        "steps": len(times),
        "words_per_second": round(counted / (ends[count - 1] - ends[warm - 1]), 1),
        "step_ms": round(1e3 * statistics.median(times), 3),
        "slowest_ms": round(1e3 * max(times), 3),
        "warm_up_seconds": round(ends[warm - 1] - began, 3),
    }
