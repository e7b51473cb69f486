"""A network whose encoder is computed outside torch; the head stays with it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

import torch
from torch import nn

from cloudner.model.network.batch import Sequences
from cloudner.model.network.tag_network import Network
from cloudner.model.prediction.backends.graph import Run

# A library's threads do not live on in a forked process, and taking down what waits for them would never end.
_INHERITED: list[Run] = []


class ExportedNetwork(Network):
    """`Network` for prediction: `load(threads)` gives the encoder's computation.

    It has as many threads as torch has, and is loaded again when torch's number changes or the process is forked.
    """

    def __init__(self, network: Network, load: Callable[[int], Run]) -> None:
        nn.Module.__init__(self)
        self.width, self.pooling = network.width, network.pooling
        self.head = copy.deepcopy(network.head).eval()
        self._load = load
        self._run: Run | None = None
        self._loaded_for = (0, 0)
        self.eval()
        self._ready()

    def _ready(self) -> Run:
        wanted = (os.getpid(), torch.get_num_threads())
        if self._run is None or self._loaded_for != wanted:
            if self._run is not None and self._loaded_for[0] != wanted[0]:
                _INHERITED.append(self._run)
            self._run, self._loaded_for = self._load(wanted[1]), wanted
        return self._run

    def piece_vectors(self, batch: Sequences) -> torch.Tensor:
        mask = batch.mask()
        if mask is None:
            mask = torch.ones_like(batch.ids)
        cases = None if batch.cases is None else batch.cases.numpy()
        hidden = self._ready()(batch.ids.numpy(), mask.numpy(), cases)
        return torch.from_numpy(hidden).flatten(0, 1)
