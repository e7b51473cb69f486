"""Passes over a micro-batch that add its gradients: the plain one, and those that pass twice, R-Drop and adversarial
examples.

All are sums over sequences or tokens of what each has by itself, so that a step is the same however its sequences
are cut into micro-batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch

from cloudner.model.network.batch import Sequences
from cloudner.model.network.tag_network import Network
from cloudner.model.settings import Settings


class Runner(Protocol):
    """What a pass needs of the runner of an encoder."""

    shim: Any
    settings: Settings

    @property
    def network(self) -> Network: ...

    def scores(self, batch: Sequences) -> torch.Tensor: ...

    def loss(self, scores: torch.Tensor, tags: Any, sizes: np.ndarray) -> torch.Tensor: ...


# (runner, micro-batch, tags, tokens of each sequence, labelled tokens) -> the summed plain loss, detached
Pass = Callable[[Runner, Sequences, torch.Tensor, np.ndarray, int], torch.Tensor]


def plain(
    runner: Runner, batch: Sequences, tags: torch.Tensor, sizes: np.ndarray, n_labelled: int
) -> torch.Tensor:
    """One forward and backward pass."""
    with runner.shim.forward_context():
        loss = runner.loss(runner.scores(batch), tags, sizes)
    runner.shim.accumulate(loss, n_labelled)
    return loss.detach().float()
