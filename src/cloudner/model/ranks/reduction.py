"""The sum of a component's gradients over all processes.

Each process has the gradients of summed losses over its part of the batch. They are laid out in one flat buffer, in fp32
as they are kept (in fp16 still scaled, so that all see an overflow), and summed; dividing by all labelled tokens is
the step's, as with one process.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import torch

from cloudner.model.training.graphs import FlatGradients

if TYPE_CHECKING:
    from cloudner.model.ranks.group import Ranks
    from cloudner.model.training.step import TrainingStep


class Reduction:
    """Of one component. shim: its `TaggerShim`; name: the component's, under which its loss is kept."""

    def __init__(self, ranks: Ranks, shim: Any, name: str) -> None:
        self.ranks, self.shim, self.name = ranks, shim, name
        # Made before training: there is room now, and running out of it later would concern one process alone.
        self.flat = FlatGradients(shim.step.parameters)
        self._labelled: list[float] = []
        self._losses: list[torch.Tensor | float] = []
        self._has: list[float] = []
        self._all_flat = False
        ranks.reductions.append(self)

    # -- what this process tells, and what all together have ----------------------------------------------------

    def begin(self, parts: int) -> None:
        self._labelled, self._losses = [0.0] * parts, [0.0] * parts

    def add_loss(self, loss: torch.Tensor, n_labelled: int) -> None:
        """Of an update of this process: summed over so many tokens."""
        part = self.ranks.part
        self._losses[part] = float(loss) if loss.device.type == "cpu" else loss.detach().float()
        self._labelled[part] = float(n_labelled)

    def numbers(self) -> list[float]:
        """For the exchange: labelled tokens by update, losses by update where they are on the host, whether the gradients
        lie in a graph's buffer, and which parameters have one."""
        step = self.step
        losses = [loss if isinstance(loss, float) else 0.0 for loss in self._losses]
        has = [float(p.grad is not None) for p in step.parameters]
        return [*self._labelled, *losses, float(step.is_flat()), *has]

    def take_numbers(self, totals: list[float]) -> list[float]:
        """Take this component's sums; returns the rest."""
        parts, n = len(self._labelled), len(self.step.parameters)
        self._labelled = totals[:parts]
        if self.step.device.type == "cpu":
            self._losses = list(totals[parts : 2 * parts])
        self._all_flat = totals[2 * parts] == self.ranks.size
        self._has = totals[2 * parts + 1 : 2 * parts + 1 + n]
        return totals[2 * parts + 1 + n :]

    # -- gradients ----------------------------------------------------------------------------------------------

    @property
    def step(self) -> TrainingStep:
        return self.shim.step

    def reduce(self) -> None:
        """After the exchange: the step's gradients and labelled tokens are those of all processes."""
        step = self.step
        step.labelled = int(sum(self._labelled))
        if not step.labelled:
            return
        buffer = self._laid_out()
        self.ranks.sum(buffer)
        step.reduced, step.all_flat = buffer, self._all_flat
        self._tell_losses()

    def _laid_out(self) -> torch.Tensor:
        """This process's gradients in one buffer, of which the parameters' are views afterwards. A parameter that has no
        gradient in any process keeps None: AdamW would decay it."""
        step = self.step
        if step.is_flat():
            step.clear_old_flat()
            return step.graphs.flat.buffer
        views, gradients = [], []
        for view, p in zip(self.flat.views, step.parameters, strict=True):
            if p.grad is None:
                view.zero_()
            else:
                views.append(view)
                gradients.append(p.grad)
        if views:
            torch._foreach_copy_(views, gradients)
        for view, p, has in zip(self.flat.views, step.parameters, self._has, strict=True):
            p.grad = view if has else None
        return self.flat.buffer

    def _tell_losses(self) -> None:
        """`losses` grows by the mean over all labelled tokens of each update."""
        losses, name = self.ranks.losses, self.name
        losses.setdefault(name, 0.0)
        if self.step.device.type == "cpu":
            for loss, n in zip(self._losses, self._labelled, strict=True):
                losses[name] += float(loss) / max(n, 1.0)
            return
        summed = torch.stack(
            [torch.as_tensor(loss, device=self.step.device) for loss in self._losses]
        ).float()
        self.ranks.sum(summed, exact=True)
        counts = torch.tensor([1.0 / max(n, 1.0) for n in self._labelled]).pin_memory()
        mean = (summed * counts.to(self.step.device, non_blocking=True)).sum()
        self.step.readings.add_loss(losses, name, mean)

    # -- are they the same everywhere? ------------------------------------------------------------------------------

    def agree(self, flags: list[bool]) -> list[bool]:
        """Of each, whether it is true in any process."""
        return [total > 0 for total in self.ranks.total([float(flag) for flag in flags])]

    def share_weights(self) -> None:
        """The first process's weights in all of them."""
        self.ranks.share_weights(list(self.shim.network.state_dict().values()))

    def check_weights(self) -> None:
        """Raises RankError where they are not bit for bit the same in all processes."""
        self.ranks.same(checksum(self.shim.network), f"the weights of {self.name!r}")


def checksum(network: torch.nn.Module) -> int:
    """Of the bits of all weights, computed where they are; one wait."""
    sums = []
    for value in network.state_dict().values():
        bits = value.detach().contiguous().view(-1).view(torch.uint8)
        if value.element_size() == 4:
            bits = bits.view(torch.int32)
        sums.append(bits.sum(dtype=torch.int64))
    return zlib.crc32(torch.stack(sums).cpu().numpy().tobytes())
