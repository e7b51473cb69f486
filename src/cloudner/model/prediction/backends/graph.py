"""What is exported: the encoder with its case features, from padded piece ids to one vector per piece."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from cloudner.model.network.tag_network import Network, encode

# (ids, mask, cases or None), each (sequences, length) int64, to (sequences, length, width) float32.
Run = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], np.ndarray]

# (sequences, length): lengths an export must not have been fixed to, short of any encoder's limit.
_PROBES = ((2, 7), (3, 20), (1, 45))


class EncoderGraph(torch.nn.Module):
    """The part of a `Network` that is exported, as a module of plain tensors."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.encoder = network.encoder
        self.cases = network.cases
        self.width = network.width

    @property
    def input_names(self) -> list[str]:
        return ["ids", "mask"] if self.cases is None else ["ids", "mask", "cases"]

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, cases: torch.Tensor | None = None
    ) -> torch.Tensor:
        return encode(self.encoder, self.cases, ids, mask, cases)

    def sample(self, rows: int, length: int) -> tuple[torch.Tensor, ...]:
        """Inputs of this shape; in all rows but the first the last third is padding."""
        generator = torch.Generator().manual_seed(rows * 1000 + length)
        vocabulary = self.encoder.get_input_embeddings().num_embeddings  # type: ignore[operator]
        pad = int(getattr(self.encoder.config, "pad_token_id", 0) or 0)
        # Ids around the padding's would be read as padding by encoders that count positions from it.
        ids = torch.randint(min(5, vocabulary - 1), vocabulary, (rows, length), generator=generator)
        mask = torch.ones(rows, length, dtype=torch.int64)
        mask[1:, length - length // 3 :] = 0
        ids = torch.where(mask == 1, ids, torch.full_like(ids, pad))
        if self.cases is None:
            return ids, mask
        return ids, mask, torch.randint(self.cases.num_embeddings, (rows, length), generator=generator)

    def difference(self, run: Run) -> float:
        """How far `run` is from torch in fp32 on batches of other shapes than the exported one: the mean absolute
        difference over the mean absolute value. Infinite where it cannot compute them."""
        difference = size = 0.0
        for rows, length in _PROBES:
            inputs = self.sample(rows, length)
            with torch.inference_mode():
                expected = self(*inputs).float().numpy()
            arrays = [x.numpy() for x in inputs]
            try:
                found = run(arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else None)
            except Exception:  # each library raises its own when a shape was fixed by the export
                return float("inf")
            if found.shape != expected.shape:
                return float("inf")
            real = arrays[1] == 1
            difference += float(np.abs(found - expected)[real].sum())
            size += float(np.abs(expected)[real].sum())
        return difference / size


@contextmanager
def quiet() -> Iterator[None]:
    """Without the tracer's warnings; what they warn of is checked by `EncoderGraph.difference`."""
    import logging

    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
