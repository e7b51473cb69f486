"""Scores of tags on their way from the device to the host."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from cloudner.model.memory_errors import is_out_of_memory


class Emissions:
    """Scores of the non-space tokens of some documents.

    parts: (tokens of it, tags) each, of any float type, on the device that computed them.
    offsets: (docs + 1,) bounds of the documents' tokens.
    order: (tokens,) the token of each row, where rows are not in the tokens' order.

    On a GPU the copy to the host is launched with the object. What waits for it is the first look at `scores`, and
    it waits for no work that was launched after it. Where memory has run out the copy is waited for at once.
    """

    def __init__(
        self, parts: Sequence[torch.Tensor], offsets: np.ndarray, order: np.ndarray | None = None
    ) -> None:
        self.offsets, self._order, self._copied = offsets, order, None
        device = parts[0].device
        if device.type == "cuda":
            try:
                self._host = torch.empty(
                    (sum(len(part) for part in parts), parts[0].shape[1]), pin_memory=True
                )
                at = 0
                for part in parts:
                    self._host[at : at + len(part)].copy_(part.detach().float(), non_blocking=True)
                    at += len(part)
                self._copied = torch.cuda.current_stream(device).record_event()
                return
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
        self._host = torch.cat([part.detach().cpu().float() for part in parts])

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
