"""Which documents of a batch are whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cloudner.corpus.training.batcher import count_pieces


def parts(lengths: np.ndarray, size: int) -> list[list[int]]:
    """Indices by process: the longest first, each to the one that has least so far; in each part as they came. Some are
    empty where there are fewer documents than processes.

    lengths: (documents,) word pieces.
    """
    load = [0] * size
    found: list[list[int]] = [[] for _ in range(size)]
    for i in np.argsort(-lengths, kind="stable").tolist():
        least = load.index(min(load))
        found[least].append(i)
        load[least] += int(lengths[i]) + 1  # a document without a piece is work too
    return [sorted(part) for part in found]


def mine(examples: Sequence[Any], rank: int, size: int) -> list[Any]:
    """The part of one process; all make the same parts of the same examples."""
    return [examples[i] for i in parts(count_pieces(examples), size)[rank]]
