"""Training by a second pass over each micro-batch: R-Drop and adversarial examples (FGM).

Both are sums over sequences or tokens of what each has by itself, so that a step is the same however its sequences
are cut into micro-batches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from cloudner.errors import ConfigError
from cloudner.model.network.batch import Sequences
from cloudner.model.network.tag_network import Network
from cloudner.model.settings import Settings
from cloudner.model.training.loss import symmetric_kl
from cloudner.model.training.passes import Pass, Runner, plain


def pass_for(settings: Settings) -> Pass:
    return r_drop if settings.r_drop else fgm if settings.fgm else plain


def r_drop(
    runner: Runner, batch: Sequences, tags: torch.Tensor, sizes: np.ndarray, n_labelled: int
) -> torch.Tensor:
    """Two passes under different dropout, and their divergence (Liang et al., 2021, "R-Drop: Regularized Dropout for
    Neural Networks"; scaled as in the authors' code: mean of the two losses + alpha * mean of the two divergences)."""
    with runner.shim.forward_context():
        one, other = runner.scores(batch), runner.scores(batch)
        loss = (runner.loss(one, tags, sizes) + runner.loss(other, tags, sizes)) / 2
        regular = runner.settings.r_drop * symmetric_kl(one, other, tags)
    runner.shim.accumulate(loss + regular, n_labelled)
    return loss.detach().float()


def fgm(
    runner: Runner, batch: Sequences, tags: torch.Tensor, sizes: np.ndarray, n_labelled: int
) -> torch.Tensor:
    """The loss, and the loss after a step of length epsilon along its gradient in the embeddings (Miyato et al., 2017,
    "Adversarial Training Methods for Semi-Supervised Text Classification", equations 5 and 6).

    The step is taken where the embeddings come out, one sequence at a time and of norm epsilon over the sequence: no
    weight moves, so there is none to restore, and it does not depend on what else is in the micro-batch. Gradients
    of both passes are kept together or not at all.
    """
    shim, network = runner.shim, runner.network
    seen: list[torch.Tensor] = []

    def keep(output: torch.Tensor) -> torch.Tensor:
        seen.append(output)
        return output

    with _embeddings(network, keep), shim.forward_context():
        loss = runner.loss(runner.scores(batch), tags, sizes)
    if seen[0].dim() != 3:
        raise ConfigError(
            f"fgm with an encoder whose embeddings have shape {tuple(seen[0].shape)}",
            expected="(sequences, pieces, width), which this attention implementation packs away",
        )
    *clean, gradient = shim.step.gradients(loss, seen)
    result = loss.detach().float()
    del loss  # its graph is not held while the second is built
    assert gradient is not None
    along = gradient.float()
    norm = along.flatten(1).norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    step = (runner.settings.fgm * along / norm[:, None, None]).to(seen[0].dtype)
    seen.clear()
    with _embeddings(network, lambda output: output + step), shim.forward_context():
        adversarial = runner.loss(runner.scores(batch), tags, sizes)
    shim.accumulate(adversarial, n_labelled, earlier=clean)
    return result


@contextlib.contextmanager
def _embeddings(network: Network, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Inside this context `change` is applied to the output of the encoder's word-piece embeddings."""
    done: list[bool] = []

    def hook(module: Any, inputs: Any, output: torch.Tensor) -> Any:
        if done:  # Longformer looks up its own padding after the batch
            return output
        done.append(True)
        return change(output if output.requires_grad else output.detach().requires_grad_())

    table = network.encoder.get_input_embeddings()  # type: ignore[operator]
    handle = table.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
