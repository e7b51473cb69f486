"""The pieces of word forms, as arrays that grow by a row a form."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np


class WordTable:
    """Rows are appended by one thread at a time and read by any number without a lock: a row's key is published last, and
    what is published never changes. A table that is full is replaced, not emptied, so that a reader's rows stay.

    starts, counts: (rows,) of a form's pieces in `flat`. cases: (rows,) int8, `case_class`. flat: (pieces,) int32.
    """

    def __init__(self) -> None:
        self._row_of: dict[int, int] = {}
        self._starts = np.zeros(1024, dtype=np.int64)
        self._counts = np.zeros(1024, dtype=np.int32)
        self._cases = np.zeros(1024, dtype=np.int8)
        self._flat = np.zeros(4096, dtype=np.int32)
        self._n_flat = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # It fills itself anew where it arrives, in memory of its own: Ray hands over arrays that cannot be written to.
        return WordTable, ()

    def __len__(self) -> int:
        return len(self._row_of)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """(keys,) int64 rows; -1 for a form that has none."""
        rows = map(self._row_of.get, keys.tolist(), repeat(-1))
        return np.fromiter(rows, dtype=np.int64, count=len(keys))

    def append(self, key: int, ids: list[int], case: int) -> None:
        """A row for a form that has none. The caller holds the lock."""
        row, start = len(self._row_of), self._n_flat
        end = start + len(ids)
        if row == len(self._starts):
            self._starts, self._counts = _doubled(self._starts), _doubled(self._counts)
            self._cases = _doubled(self._cases)
        while end > len(self._flat):
            self._flat = _doubled(self._flat)
        self._starts[row], self._counts[row], self._cases[row] = start, len(ids), case
        self._flat[start:end] = ids
        self._n_flat = end
        self._row_of[key] = row

    def gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What these rows hold, in their order: ids (pieces,) int32, counts (rows,) int32, cases (rows,) int8."""
        counts = self._counts[rows]
        return self._flat[ragged_indices(self._starts[rows], counts)], counts, self._cases[rows]


def _doubled(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, np.zeros_like(array)])


def ragged_indices(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The indices `starts[i], starts[i] + 1, ...` (`counts[i]` of them) of all rows after one another, int64."""
    total = int(counts.sum())
    if total == 0:
        return np.zeros(0, dtype=np.int64)
    ends = np.cumsum(counts)
    offsets = np.repeat(starts - (ends - counts), counts)
    return offsets + np.arange(total)
