"""A network whose encoder is computed outside torch; the head stays with it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

import torch
from torch import nn

from cloudner.locks import PipelineLock
from cloudner.model.network.batch import Sequences
from cloudner.model.network.tag_network import Network
from cloudner.model.prediction.backends.graph import Run

# A library's threads do not live on in a forked process, and taking down what waits for them would never end.
_INHERITED: list[Run] = []
# Numbers of threads it is kept loaded for, each with its own memory.
_MOST_RUNS = 2


class ExportedNetwork(Network):
    """`Network` for prediction: `load(threads)` gives the encoder's computation.

    It has as many threads as torch has, and is loaded again for another number of torch's and in a forked process.
    """

    def __init__(self, network: Network, load: Callable[[int], Run]) -> None:
        nn.Module.__init__(self)
        self.width, self.pooling = network.width, network.pooling
        self.head = copy.deepcopy(network.head).eval()
        self._load = load
        self._lock = PipelineLock()
        self._runs: dict[tuple[int, int], Run] = {}  # by process and number of threads
        self.eval()
        self._ready()

    def _ready(self) -> Run:
        # torch's number of threads is each thread's own: two that differ would load it anew at every batch.
        wanted = (os.getpid(), torch.get_num_threads())
        with self._lock:
            if wanted not in self._runs:
                _INHERITED.extend(run for (process, _), run in self._runs.items() if process != wanted[0])
                kept = {key: run for key, run in self._runs.items() if key[0] == wanted[0]}
                while len(kept) >= _MOST_RUNS:
                    del kept[next(iter(kept))]
                self._runs = {**kept, wanted: self._load(wanted[1])}
            return self._runs[wanted]

    def piece_vectors(self, batch: Sequences) -> torch.Tensor:
        mask = batch.mask()
        if mask is None:
            mask = torch.ones_like(batch.ids)
        cases = None if batch.cases is None else batch.cases.numpy()
        hidden = self._ready()(batch.ids.numpy(), mask.numpy(), cases)
        return torch.from_numpy(hidden).flatten(0, 1)
