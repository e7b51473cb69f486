"""Scores of tags on their way from the device to the host."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch


class Emissions:
    """Scores of the non-space tokens of some documents.

    found: (tokens, tags) of any float type, on the device that computed them.
    offsets: (docs + 1,) bounds of the documents' tokens.
    order: (tokens,) the token of each row, where rows are not in the tokens' order.

    On a GPU the copy to the host is launched with the object. What waits for it is the first look at `scores`, and
    it waits for no work that was launched after it.
    """

    def __init__(self, found: torch.Tensor, offsets: np.ndarray, order: np.ndarray | None = None) -> None:
        self.offsets, self._order, self._copied = offsets, order, None
        found = found.detach().float()
        if found.device.type == "cuda":
            self._host = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
            self._host.copy_(found, non_blocking=True)
            self._copied = torch.cuda.current_stream(found.device).record_event()
        else:
            self._host = found.cpu()

    @cached_property
    def scores(self) -> np.ndarray:
        """(tokens, tags) float32."""
        if self._copied is not None:
            self._copied.synchronize()
        rows = self._host.numpy()
        if self._order is None:
            return rows
        scores = np.empty_like(rows)
        scores[self._order] = rows
        return scores
