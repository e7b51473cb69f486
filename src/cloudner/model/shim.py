"""The one place where thinc meets torch: gradients, the optimizer step, precision."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from thinc.api import Optimizer

from cloudner.errors import DeviceError
from cloudner.locks import PipelineLock
from cloudner.model.decoding.sequences import Transitions
from cloudner.model.device import check_process
from cloudner.model.memory_errors import free_device_memory
from cloudner.model.network.tag_network import TagNetwork
from cloudner.model.network_shim import NetworkShim
from cloudner.model.precision import autocast, choose_precision, encoder_kind
from cloudner.model.training.averages import swapped_in
from cloudner.model.training.optimizer import FusedAdamW
from cloudner.model.training.schedule import tell_unresolved
from cloudner.model.training.step import TrainingStep
from cloudner.model.training.stock import forget_other_shapes, tell_rate

logger = logging.getLogger("cloudner")


class TaggerShim(NetworkShim):
    """How precisely the network computes, in training and in prediction. Its steps are a `TrainingStep`'s."""

    def __init__(self, *, device: str, mixed_precision: str | bool) -> None:
        super().__init__(device=device)
        self.mixed_precision = mixed_precision
        self.inference_precision: str = "auto"
        self.inference_backend: str = "auto"
        self._step: TrainingStep | None = None
        self._fast: Any = None  # prediction copy in another precision, see `predictor`
        self._fetched: Any = None  # see `transitions`
        self.learn_rate = 0.0
        # The training commands read a step's norm and losses one step late, see `TrainingStep`.
        self.late = False
        self.reduction: Any = None  # with several processes, a `Reduction`
        self._lock = PipelineLock()
        self._told_rate = False

    # -- the network ------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget gradients, optimizer state and prediction copies: parameters have been replaced or moved."""
        if self._step is not None:
            self._step.drop()
        self._step = self._fast = None

    def resize_head(self, old: list[str], new: list[str]) -> None:
        """Set other tags; tags in both sets keep their weights."""
        self.network.head.resize(old, new)
        self.reset()

    def transitions(self) -> Transitions | None:
        """A CRF's, on the host; fetched from a GPU once for as long as they stay the same. None without one."""
        head = self.network.head
        if not head.crf:
            return None
        tensors = (head.between, head.start, head.end)
        state = tuple((t.data_ptr(), t._version) for t in tensors)
        fetched = self._fetched
        if fetched is None or fetched[0] != state:
            rows = [tensors[0], *(t[None] for t in tensors[1:])]
            table = torch.cat([row.detach().float() for row in rows]).cpu().numpy().copy()
            fetched = self._fetched = state, Transitions(table[:-2], table[-2], table[-1])
        return fetched[1]

    def check_process(self) -> None:
        """Raises DeviceError in a process that was forked from one that used the GPU."""
        if self._model is not None and self.device.type == "cuda":
            check_process(self.device, torch.cuda.is_initialized())

    @property
    def precision(self) -> str:
        return choose_precision(self.mixed_precision, self.device, encoder_kind(self._model))

    # -- training ---------------------------------------------------------------------------------------------

    @property
    def step(self) -> TrainingStep:
        """The step in the making; its gradients are those of the network as it is."""
        if self._step is None:
            self._step = TrainingStep(self.network, self.precision, self._make_room)
            self._step.readings.late = self.late
            self._step.agree = self.reduction.agree if self.reduction is not None else None
        return self._step

    @property
    def labelled(self) -> int:
        return self._step.labelled if self._step is not None else 0

    @property
    def overflows(self) -> int:
        """Steps in a row that fp16 has skipped."""
        return self._step.overflows if self._step is not None else 0

    @property
    def grad_norm(self) -> float:
        return self._step.grad_norm if self._step is not None else 0.0

    def begin(self, docs: Sequence[Any]) -> TagNetwork:
        """The network in training mode, for passes over these documents."""
        network = self.network
        if not network.training:
            network.train()
        self.step.docs = docs
        return network

    def forward_context(self) -> Any:
        return autocast(self.device, self.precision)

    def accumulate(
        self,
        loss: torch.Tensor,
        n_labelled: int,
        inputs: list[torch.Tensor] | None = None,
        *,
        earlier: Sequence[torch.Tensor | None] = (),
    ) -> list[torch.Tensor]:
        """See `TrainingStep.accumulate`."""
        upstream = self.step.accumulate(loss, n_labelled, inputs, earlier=earlier)
        self._fast = None
        return upstream

    def finish_update(self, optimizer: Optimizer) -> None:
        """Take the step, if anything was learnt. Raises NonFiniteLossError, see `TrainingStep.finish`."""
        if self._model is None:
            return
        if self.reduction is not None:
            self.reduction.reduce()
        if isinstance(optimizer, FusedAdamW):
            self._told_rate = self._told_rate or tell_unresolved(optimizer.schedule)
            if self.step.labelled:
                optimizer.before_finish(self.id)
            self.step.finish(optimizer)
        else:
            self._told_rate = self._told_rate or tell_rate(self.network, optimizer)
            self.step.finish_stock(optimizer, lambda: self._stock_step(optimizer))
        self.learn_rate = float(optimizer.learn_rate)
        self._fast = None  # made between gradients and step, by an annotating component, it has old weights
        self._fetched = (
            None  # torch's fused AdamW and replayed graphs change weights without counting a version
        )

    def add_loss(self, losses: dict[str, Any], name: str, loss: torch.Tensor, n_labelled: int) -> None:
        """Add the mean of a loss that is a sum over so many tokens, see `Readings.add_loss`."""
        if self.reduction is not None:
            self.reduction.add_loss(loss, n_labelled)
        else:
            self.step.readings.add_loss(losses, name, loss / max(n_labelled, 1))

    def join(self, ranks: Any, name: str) -> None:
        """From now on steps are those of several processes. ranks: `Ranks`; name: of the component."""
        from cloudner.model.ranks.reduction import Reduction

        self.reduction = Reduction(ranks, self, name)
        self.step.agree = self.reduction.agree

    def read_late(self) -> None:
        """From now on a step's losses are read after the next step has been launched."""
        self.late = True
        self.reset()

    def fast_report(self) -> list[dict[str, Any]]:
        """One row per fast path that was tried."""
        paths = getattr(self.runner, "paths", None) if self._model is not None else None
        return [dict(row) for row in paths.report] if paths is not None else []

    def settle(self) -> None:
        """Read what is unread of the last step. Raises NonFiniteLossError if it failed."""
        if self._step is not None:
            self._step.settle()

    def _make_room(self) -> None:
        self._fast = None
        free_device_memory()

    def _stock_step(self, optimizer: Optimizer) -> None:
        """thinc's own loop over parameters, with all fields of the optimizer honoured as they are there."""
        if self.device.type == "cuda":
            from thinc.api import CupyOps, get_current_ops

            if not isinstance(get_current_ops(), CupyOps):
                raise DeviceError(
                    f"{type(optimizer).__name__} from thinc needs CuPy to update weights on {self.device}",
                    fix='[training.optimizer] @optimizers = "cloudner.AdamW.v1", which needs torch only, or '
                    "pip install the cupy package that `spacy cloudner doctor` names",
                )
        forget_other_shapes(self.network, self.id, optimizer)
        super().finish_update(optimizer)  # its own scaler is off: gradients are unscaled by now

    # -- prediction -------------------------------------------------------------------------------------------

    def predictor(self) -> tuple[TagNetwork, Any]:
        """The network to predict with, in evaluation mode, and the context to run it in, good for one `with`."""
        from cloudner.model.prediction.copies import prepare

        with (
            self._lock
        ):  # threads that predict share one copy, and none runs while its layers are half in training mode
            self.settle()
            if self._fast is None:
                self._fast = prepare(
                    self.network, self.inference_precision, self.mixed_precision, self.inference_backend
                )
            network, precision = self._fast
            if network.training:
                network.eval()
        return network, autocast(self.device, precision)

    def forget_predictor(self) -> None:
        """Rebuild the prediction copy at the next call: weights or precision have changed."""
        self._fast = None

    @contextlib.contextmanager
    def use_params(self, params: dict) -> Iterator[None]:
        """Swap in the averages of `Adam.v1(use_averages = true)`, which thinc keys by (shim, parameter name)."""
        keyed = [
            (key, value) for key, value in (params or {}).items() if isinstance(key, tuple) and len(key) == 2
        ]
        shapes = {} if self._model is None else {n: p.shape for n, p in self._model.named_parameters()}
        mine = {n: value for (owner, n), value in keyed if owner == self.id and value.shape == shapes.get(n)}
        if not mine or self._model is None:
            yield
            return
        self._fast = None
        try:
            with swapped_in(self.network, mine):
                yield
        finally:
            self._fast = None

    def __getstate__(self) -> dict[str, Any]:
        # Worker processes (spawn, joblib, Spark) get the weights; a step in the making and what is made anew at the
        # next call stay here.
        return {**self.__dict__, "_step": None, "_fast": None, "_fetched": None, "reduction": None}

    def copy(self) -> TaggerShim:
        from copy import deepcopy

        made = TaggerShim(device=self.wanted_device, mixed_precision=self.mixed_precision)
        made.inference_precision = self.inference_precision
        made.inference_backend = self.inference_backend
        made._model = deepcopy(self._model)
        made.runner = self.runner.for_shim(made) if self.runner is not None else None
        return made
