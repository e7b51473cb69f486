"""The sequences of documents whose spans are scored: a span belongs to the window that owns its first token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
import torch

from cloudner.model.network.batch import Sequences
from cloudner.model.network.sequences import Prepared, to_device
from cloudner.model.network.span_head import SpanSequences
from cloudner.pieces.tokenizer import Pieces
from cloudner.pieces.windows import Windows


class SpanPrepared(Prepared):
    """`Prepared` whose `sizes` count, beyond the tokens that a sequence owns (`owned`), those that it reads after them."""

    def __init__(self, pieces: list[Pieces], windows: Callable[[Sequence[Pieces]], Windows]) -> None:
        super().__init__(pieces, windows)
        self.owned = self.sizes
        read = np.searchsorted(self.first_piece, self.begin + self.lengths - 2, side="left")
        self.sizes = read - self.row_first

    def rows_of(self, spans: np.ndarray) -> np.ndarray:
        """(spans,) int64 the sequence of each of (spans, 3) first token, last token, label; -1 where its sequence does not
        read its last token."""
        owning = np.flatnonzero(self.owned > 0)
        row = owning[np.searchsorted(self.row_first[owning], spans[:, 0], side="right") - 1]
        return np.where(spans[:, 1] < self.row_first[row] + self.sizes[row], row, -1)

    def laid_out(self, batch: Sequences, rows: np.ndarray, device: torch.device) -> SpanSequences:
        """A micro-batch of these sequences, as `sequences` gives it, with its tokens laid out by sequence."""
        sizes = self.sizes[rows]
        longest = int(sizes.max())
        ends = np.cumsum(sizes)
        slots = np.arange(int(ends[-1])) + np.repeat(np.arange(len(rows)) * longest - (ends - sizes), sizes)
        return SpanSequences(
            **{field.name: getattr(batch, field.name) for field in fields(Sequences)},
            slots=to_device(slots, device),
            owned=to_device(self.owned[rows], device),
            sizes=to_device(sizes, device),
            longest=longest,
        )
