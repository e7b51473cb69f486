"""A micro-batch as a network takes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(slots=True)
class Sequences:
    """A micro-batch on the device.

    ids: (sequences, length) int64 padded piece ids, special tokens included.
    lengths: (sequences,) int64 real lengths; None when no sequence is padded.
    token_first: (tokens,) int64 index of each token's first piece in `ids` flattened.
    token_count: (tokens,) int64 number of its pieces; None with pooling "first".
    n_pieces: their sum, known to the host.
    cases: (sequences, length) int64 case classes of the pieces, or None.
    """

    ids: torch.Tensor
    lengths: torch.Tensor | None
    token_first: torch.Tensor
    token_count: torch.Tensor | None = None
    n_pieces: int = 0
    cases: torch.Tensor | None = None

    def mask(self) -> torch.Tensor | None:
        """(sequences, length) int64, 0 at padding; None when there is none."""
        return None if self.lengths is None else self.real().long()

    def real(self) -> torch.Tensor:
        """(sequences, length) bool, False at padding; where there is some."""
        assert self.lengths is not None
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.lengths[:, None]
