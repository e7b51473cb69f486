"""A training step from its first gradient to its last weight.

    accumulate   gradients of summed losses, micro-batch by micro-batch; labelled tokens are counted
    norm         of all gradients together
    clip         one factor: the mean over labelled tokens, the loss scale, the largest norm allowed
    step         AdamW; skipped where a gradient is not finite
    settle       read the norm and the losses: the step's one wait for a GPU

On a CPU the norm is a number before the step is taken. On a GPU it stays there: the kernel of AdamW takes the factor
and the flag that skips the step as tensors, and what the host needs to know is copied once everything has been
launched. With `late` that copy is waited for after the next step has been launched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from cloudner.model.cpu.sparse_embeddings import RowGradients
from cloudner.model.training.adamw import AdamWStep
from cloudner.model.training.failure import non_finite
from cloudner.model.training.gradients import added, clipped, laid_out
from cloudner.model.training.optimizer import FusedAdamW
from cloudner.model.training.readings import Readings
from cloudner.model.training.scaler import MOST_OVERFLOWS, LossScaler


class TrainingStep:
    """Accumulates a network's gradients and takes its steps.

    precision: "fp32", "bf16" or "fp16". make_room: called when memory has run out, to give back what can be.
    """

    def __init__(self, network: nn.Module, precision: str, make_room: Callable[[], None]) -> None:
        self.network, self.precision, self.make_room = network, precision, make_room
        self._all = list(network.parameters())  # walking through the modules takes a while
        self.device = next(network.parameters()).device
        self.scaler = LossScaler(self.device) if precision == "fp16" else None
        self.labelled = 0  # tokens since the last step
        self.steps = 0
        self.overflows = 0  # in a row
        self.grad_norm = 0.0
        self.readings = Readings(self.device)
        self.total_steps: int | None = None  # of the training, where its schedule knows
        self.docs: Sequence[Any] = ()  # of the step in the making, for messages
        self.rows = RowGradients()
        self.adamw: AdamWStep | None = None
        self.graphs: Any = None  # a `GraphedPasses`, once it has proved itself
        self._stop = torch.zeros((), device=self.device)
        self._flat_is_old = False  # what the flat buffer holds belongs to an earlier step
        # With several processes, see `cloudner.model.ranks.reduction`: all gradients summed over them; are those of every
        # process in a graph's buffer; and what they agree by.
        self.reduced: torch.Tensor | None = None
        self.all_flat = True
        self.agree: Callable[[list[bool]], list[bool]] | None = None

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Those that are trained."""
        return [p for p in self._all if p.requires_grad]

    # -- accumulate -------------------------------------------------------------------------------------------

    def gradients(
        self, loss: torch.Tensor, inputs: list[torch.Tensor] | None = None
    ) -> tuple[torch.Tensor | None, ...]:
        """Of the trainable parameters, then of `inputs`; scaled in fp16. Nothing is accumulated."""
        wanted = [*self.parameters, *(inputs or [])]
        gradients = torch.autograd.grad(self.scaled(loss), wanted, allow_unused=True)
        return tuple(laid_out(g, p) for g, p in zip(gradients, wanted, strict=True))

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        return loss if self.scaler is None else loss * self.scaler.scale

    def accumulate(
        self,
        loss: torch.Tensor,
        n_labelled: int,
        inputs: list[torch.Tensor] | None = None,
        *,
        earlier: Sequence[torch.Tensor | None] = (),
    ) -> list[torch.Tensor]:
        """Add the gradients of `loss`, a sum over `n_labelled` tokens. All or nothing: when memory runs out
        half-way, gradients are as they were. Returns the gradients of `inputs`.

        earlier: what `gradients` gave for another pass over the same tokens; added with these or not at all."""
        gradients = self.gradients(loss, inputs)
        del loss  # the caller's graph is done with
        if earlier:
            gradients = added(gradients, earlier)
        n = len(self.parameters)
        self.add(gradients[:n])
        self.labelled += n_labelled
        return self._unscaled(list(gradients[n:]))

    def add(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Add these, one per parameter, to those accumulated so far."""
        if self._flat_is_old:
            self.leave_flat()
        olds, news = [], []
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            if gradient is None:
                continue
            if gradient.is_sparse:
                self.rows.add(parameter, gradient)
            elif parameter.grad is None:
                parameter.grad = gradient
            else:
                olds.append(parameter.grad)
                news.append(gradient)
        if olds:
            self.rows.release(olds)
            torch._foreach_add_(olds, news)

    def _unscaled(self, gradients: list[Any]) -> list[Any]:
        """For the layer below, which must not get infinities: zeros in place of an overflow, whose step is skipped."""
        if self.scaler is None or not gradients:
            return gradients
        finite = torch.stack([torch.isfinite(g).all() for g in gradients]).all()
        return [torch.where(finite, g / self.scaler.scale, 0.0) for g in gradients]

    def drop(self) -> None:
        """Forget the gradients."""
        self.labelled, self.reduced, self.all_flat = 0, None, True
        if self.is_flat():  # the views stay: the next pass writes over what they hold
            self._flat_is_old = True
            return
        self.rows.clear()
        for parameter in self._all:
            parameter.grad = None

    # -- norm, clip, step -------------------------------------------------------------------------------------

    def finish(self, optimizer: Any) -> None:
        """Divide by the number of labelled tokens, clip by the global norm, and step. Raises NonFiniteLossError, with all
        weights as they were before the step it names, when a gradient is not finite."""
        if self.labelled == 0:
            self.settle()
            self.readings.read_losses()
            self.drop()
            return
        schedule = optimizer.schedule
        if schedule is not None and isinstance(schedule.total_steps, int):
            self.total_steps = schedule.total_steps
        if self.device.type == "cpu":
            self._finish_on_host(optimizer)
        else:
            self._finish_on_device(optimizer)
        self.drop()

    def _finish_on_host(self, optimizer: FusedAdamW) -> None:
        factor = 1.0 / self.labelled
        norm = float(self.norm()) * factor
        if not math.isfinite(norm):
            self.drop()
            raise non_finite(self.steps, norm, float(optimizer.learn_rate), self.docs, self.precision)
        self.grad_norm = norm
        factor /= clipped(1.0, norm, optimizer.grad_clip)
        self.adamw_of(optimizer).step(factor)
        self.steps += 1

    def finish_stock(self, optimizer: Any, take: Callable[[], None]) -> None:
        """As `finish`, for thinc's own optimizers: `take` steps with the gradients as they are then."""
        self.settle()
        self.readings.read_losses()
        if self.labelled == 0:
            self.drop()
            return
        factor = 1.0 / self.labelled / (float(self.scaler.scale) if self.scaler is not None else 1.0)
        norm = float(self.norm()) * factor
        finite = math.isfinite(norm)
        if self.scaler is not None:
            self.scaler.update(torch.full((), float(not finite), device=self.device))
        if finite:
            self.grad_norm, self.overflows = norm, 0
            torch._foreach_mul_([p.grad for p in self.parameters if p.grad is not None], factor)
            take()
            self.rows = RowGradients()  # thinc's optimizers write into the gradients they are given
            self.steps += 1
        self.drop()
        if not finite:
            self.overflows += 1
            if self.scaler is None or self.overflows >= MOST_OVERFLOWS:
                raise non_finite(self.steps, norm, float(optimizer.learn_rate), self.docs, self.precision)

    def norm(self) -> torch.Tensor:
        """() float32: the norm of the summed gradients as accumulated (in fp16 still scaled)."""
        if self.reduced is not None:  # in one piece, so that all processes sum in the same order
            return torch.linalg.vector_norm(self.reduced)
        if self.is_flat():
            return torch.linalg.vector_norm(self.graphs.flat.buffer)
        norms = torch._foreach_norm([self.rows.nonzero(p) for p in self.parameters if p.grad is not None])
        return torch.linalg.vector_norm(torch.stack(norms))

    def _finish_on_device(self, optimizer: FusedAdamW) -> None:
        adamw = self.adamw_of(optimizer)
        adamw.prepare(1.0 / self.labelled)
        if self.is_flat() and self.all_flat:
            self.graphs.take(adamw, optimizer.grad_clip)
        else:
            self.launch(adamw, optimizer.grad_clip)
        self.readings.launch(self.facts, self.docs, float(optimizer.learn_rate))
        self.steps += 1
        while len(self.readings) > int(self.readings.late):
            self._settle_one()

    def launch(self, adamw: AdamWStep, grad_clip: float, *, captured: bool = False) -> None:
        """Norm, clipping and AdamW, from tensors alone: a CUDA graph can hold it."""
        norm = self.norm()
        overflowed = (~torch.isfinite(norm)).float()
        unscaled = norm * adamw.share
        divisor = 1.0 / adamw.share
        if self.scaler is not None:
            unscaled = unscaled / self.scaler.scale
            divisor = divisor * self.scaler.scale
        divisor = clipped(divisor, unscaled, grad_clip)
        if self.scaler is not None:
            self.scaler.update(overflowed)
            self._stop.copy_(torch.maximum(self._stop, (self.scaler.misses >= MOST_OVERFLOWS).float()))
        else:
            self._stop.copy_(torch.maximum(self._stop, overflowed))
        # What may not go on does not: later steps wait for the host to have read it.
        held = torch.maximum(self._stop, overflowed)
        adamw.launch(divisor, held, captured=captured)
        misses = self.scaler.misses if self.scaler is not None else torch.zeros_like(norm)
        self.facts = torch.stack([unscaled, held, self._stop, misses])

    def is_flat(self) -> bool:
        """Do gradients lie in the buffer that graphs write into?"""
        return self.graphs is not None and self.graphs.flat.holds_all()

    def take_flat(self) -> None:
        """Before a graph writes gradients: they are kept in its buffer from now on."""
        if not self.is_flat():
            self.graphs.flat.take_over()
        self._flat_is_old = False

    def clear_old_flat(self) -> None:
        """Zeros in the buffer where it holds an earlier step's gradients."""
        if self._flat_is_old:
            self.graphs.flat.buffer.zero_()
        self._flat_is_old = False

    def leave_flat(self) -> None:
        """Gradients are the parameters' own again; none where the buffer's are old."""
        for parameter in self.graphs.flat.parameters:
            old = self._flat_is_old or parameter.grad is None
            parameter.grad = None if old else parameter.grad.clone()
        self._flat_is_old = False

    def use_graphs(self, graphs: Any) -> None:
        """From now on gradients may come from these."""
        self.graphs = graphs

    def forget_graphs(self) -> None:
        """The gradients that the graphs have written are kept."""
        if self.is_flat():
            self.leave_flat()
        self.graphs = None

    def adamw_of(self, optimizer: FusedAdamW) -> AdamWStep:
        if self.adamw is None or self.adamw.optimizer is not optimizer:
            self.adamw = AdamWStep(self.network, optimizer, self.make_room, self.agree)
        return self.adamw

    # -- settle -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Read what is still unread: called before anything looks at weights, losses or counts."""
        while len(self.readings):
            self._settle_one()

    def _settle_one(self) -> None:
        reading, (norm, held, stop, misses) = self.readings.next()
        self.overflows = int(misses)
        if held:
            self.steps -= 1
        else:
            self.grad_norm = norm
        if stop:
            self.steps -= self.readings.forget()  # launched, and held back
            self._stop.zero_()
            raise non_finite(self.steps, norm, reading.learn_rate, reading.docs, self.precision)
