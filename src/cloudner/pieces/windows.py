"""Documents of any length as sequences the encoder can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloudner.pieces.tokenizer import Pieces


@dataclass(frozen=True, slots=True)
class Windows:
    """The sequences of a list of documents; all arrays are (sequences,) int64.

    doc: which document. first, last: the half-open range of its pieces that the encoder reads.
    token_first, token_last: the half-open range of its tokens that this sequence answers for. Ranges of one
    document follow one another without gap or overlap: what is read beyond them is context.
    """

    doc: np.ndarray
    first: np.ndarray
    last: np.ndarray
    token_first: np.ndarray
    token_last: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return self.last - self.first

    def __len__(self) -> int:
        return len(self.doc)


def make_windows(pieces: Sequence[Pieces], capacity: int, context: int) -> Windows:
    """Cut documents longer than `capacity` pieces into windows of at most `capacity`, each with up to `context`
    pieces of what lies before and after it. Cuts fall between tokens. Documents without pieces have no sequence.
    """
    sizes = np.fromiter((len(p.ids) for p in pieces), dtype=np.int64, count=len(pieces))
    tokens = np.fromiter((len(p.counts) for p in pieces), dtype=np.int64, count=len(pieces))
    short = np.flatnonzero((sizes > 0) & (sizes <= capacity))
    columns = [np.stack([short, np.zeros_like(short), sizes[short], np.zeros_like(short), tokens[short]])]
    context = max(0, min(context, (capacity - 1) // 3))
    for doc in np.flatnonzero(sizes > capacity).tolist():
        columns.append(_cut(doc, pieces[doc].counts, capacity, context))
    table = np.concatenate(columns, axis=1)
    if len(columns) > 1:  # document order
        table = table[:, np.lexsort((table[3], table[0]))]
    return Windows(*table)


def _cut(doc: int, counts: np.ndarray, capacity: int, context: int) -> np.ndarray:
    ends = np.cumsum(counts, dtype=np.int64)
    starts = ends - counts
    n_pieces = int(ends[-1])
    rows = []
    token = 0
    while token < len(counts):
        begin = int(starts[token])
        left = min(context, begin)
        room = capacity - left
        # All that is left, or a core that leaves room for the context after it.
        reach = n_pieces if n_pieces - begin <= room else begin + room - context
        # At least one token with pieces: white space that opens a document is no window by itself.
        stop = max(
            int(np.searchsorted(ends, reach, side="right")),
            int(np.searchsorted(ends, begin, side="right")) + 1,
        )
        while stop < len(counts) and counts[stop] == 0:  # trailing white space goes with what it follows
            stop += 1
        core_end = int(ends[stop - 1])
        # Context is whole tokens: the first at or after `begin - left`, and as many as fit behind.
        read_first = int(starts[np.searchsorted(starts, begin - left, side="left")])
        read_limit = max(core_end, min(n_pieces, core_end + context, read_first + capacity))
        read_last = int(ends[max(int(np.searchsorted(ends, read_limit, side="right")) - 1, stop - 1)])
        if read_last - read_first > capacity:  # one token with more pieces than its neighbours leave room for
            read_first, read_last = begin, min(read_last, begin + capacity)
        rows.append((doc, read_first, read_last, token, stop))
        token = stop
    return np.array(rows, dtype=np.int64).T
