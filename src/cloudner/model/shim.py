"""The one place where thinc meets torch: gradients, the optimizer step, precision and saving."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from thinc.api import Optimizer, PyTorchGradScaler
from thinc.shims import PyTorchShim

from cloudner.errors import DeviceError, NonFiniteLossError
from cloudner.model import saving
from cloudner.model.device import target_device
from cloudner.model.network import TagNetwork
from cloudner.model.optimizer import FusedAdamW
from cloudner.model.precision import autocast, choose_precision, encoder_kind
from cloudner.model.rows import RowGradients
from cloudner.model.step import AdamWStep, free_device_memory

logger = logging.getLogger("cloudner")

# fp16 gradients overflow now and then and the scaler backs off; this many times in a row is no accident.
_MAX_OVERFLOWS = 20
# In fp16 the summed loss is scaled down by this power of two before the scaler scales it up.
_FP16_SUM = 256.0


# `nlp.pipe(n_process=2)` forks. A child inherits torch's thread pool without its threads and waits for them for ever;
# with one thread it needs no pool, and as many processes as cores leave no core for a second one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class Runner(Protocol):
    """Knows how a network is made from text files (configuration, tokenizer) and told in them."""

    def files(self, network: TagNetwork) -> dict[str, str]: ...

    def build(self, files: dict[str, str]) -> TagNetwork: ...

    def for_shim(self, shim: TaggerShim) -> Runner:
        """A runner alike for a copy of the shim."""
        ...


class TaggerShim(PyTorchShim):
    """Holds the network (None until it is initialised or loaded) and takes its steps.

    `accumulate` adds the gradients of a summed loss and counts the labelled tokens; `finish_update` divides by
    the count once, clips by the global norm and lets the optimizer step. So splits, accumulation and uneven
    micro-batches give the same step. A gradient that is not finite stops it before any weight changes.
    """

    def __init__(self, *, device: str, mixed_precision: str | bool) -> None:
        super().__init__(None, mixed_precision=False)
        self.wanted_device = device
        self.mixed_precision = mixed_precision
        self.inference_precision: str = "auto"
        self.inference_backend: str = "auto"
        self.runner: Runner | None = None
        self.labelled = 0
        self.steps = 0
        self.overflows = 0
        self.last_docs: Sequence[Any] = ()
        self.unread: list[tuple[dict[str, Any], str]] = []  # losses still on the device, and whose they are
        self._rows = RowGradients()
        self._parameters: list[
            torch.nn.Parameter
        ] = []  # of the network: walking through its modules takes a while
        self._scaler: PyTorchGradScaler | None = None
        self._step: AdamWStep | None = None
        self._fast: Any = None  # prediction copy in another precision, see `predictor`
        self.learn_rate = 0.0
        self.grad_norm = 0.0

    # -- network and device -----------------------------------------------------------------------------------

    @property
    def network(self) -> TagNetwork:
        if self._model is None:
            raise ValueError(
                "the cloudner component has no weights yet: call nlp.initialize(...) or load a trained pipeline"
            )
        return self._model

    @property
    def ready(self) -> bool:
        return self._model is not None

    @property
    def device(self) -> torch.device:
        """Where the parameters are; before there are any, where they will be. From the parameters, since thinc's
        active ops are thread-local and say nothing in another thread."""
        if self._model is not None:
            return next(self._model.parameters()).device
        return target_device(self.wanted_device)

    def set_network(self, network: TagNetwork, *, device: torch.device | None = None) -> None:
        self._model = network.to(device or target_device(self.wanted_device))
        self.reset()

    def reset(self) -> None:
        """Forget gradients, optimizer state, scaler and prediction copies: parameters have been replaced or moved."""
        self._step = self._fast = self._scaler = None
        self._parameters = []
        self._drop_gradients()
        self._rows = RowGradients()

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            self._model.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")
        self.reset()

    @property
    def precision(self) -> str:
        return choose_precision(self.mixed_precision, self.device, encoder_kind(self._model))

    # -- training ---------------------------------------------------------------------------------------------

    @property
    def scaler(self) -> PyTorchGradScaler:
        if self._scaler is None:
            self._scaler = PyTorchGradScaler(enabled=self.precision == "fp16")
            self._scaler.to_(self.device)
        return self._scaler

    def _trained(self) -> list[torch.nn.Parameter]:
        if not self._parameters:
            self._parameters = list(self.network.parameters())
        return [p for p in self._parameters if p.requires_grad]

    def forward_context(self) -> Any:
        if not self.network.training:
            self.network.train()
        return autocast(self.device, self.precision)

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
        parameters = self._trained()
        gradients = self.gradients(loss, inputs)
        if earlier:
            gradients = _added(gradients, earlier)
        olds, news = [], []
        for parameter, gradient in zip(parameters, gradients, strict=False):
            if gradient is None:
                continue
            if gradient.is_sparse:
                self._rows.add(parameter, gradient)
            elif parameter.grad is None:
                parameter.grad = gradient
            else:
                olds.append(parameter.grad)
                news.append(gradient)
        if olds:
            self._rows.release(olds)
            torch._foreach_add_(olds, news)
        self.labelled += n_labelled
        self._fast = None
        upstream = list(gradients[len(parameters) :])
        if self.precision == "fp16" and upstream:
            # An overflow leaves the step out; the layer below must not get infinities.
            if self.scaler.unscale(upstream):
                return [torch.zeros_like(g) for g in upstream]
            upstream = [g * _FP16_SUM for g in upstream]
        return upstream

    def gradients(
        self, loss: torch.Tensor, inputs: list[torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Of the trainable parameters, then of `inputs`; in fp16 scaled. Nothing is kept."""
        parameters = self._trained()
        scaled = self.scaler.scale(loss / _FP16_SUM) if self.precision == "fp16" else loss
        wanted = parameters + (inputs or [])
        gradients = torch.autograd.grad(scaled, wanted, allow_unused=True)
        return tuple(_laid_out(g, p) for g, p in zip(gradients, wanted, strict=True))

    def finish_update(self, optimizer: Optimizer) -> None:
        if self._model is None or self.labelled == 0:
            self._read()
            self._drop_gradients()
            return
        parameters = [p for p in self._trained() if p.grad is not None]
        gradients = [p.grad for p in parameters]
        factor = 1.0 / self.labelled
        if self.precision == "fp16":
            if self.scaler.unscale(gradients):
                self._read()
                self._overflow(optimizer)
                return
            factor *= _FP16_SUM
        norms = torch._foreach_norm([self._rows.nonzero(p) for p in parameters])
        norm = self._read(torch.linalg.vector_norm(torch.stack(norms)))[0] * factor
        if not np.isfinite(norm):
            self._drop_gradients()
            raise self._non_finite(optimizer, f"the gradient's norm is {norm}")
        self.grad_norm = norm
        if isinstance(optimizer, FusedAdamW):
            optimizer.before_finish(self.id)
            if optimizer.grad_clip and norm > optimizer.grad_clip:
                factor *= optimizer.grad_clip / norm
            self._fused_step(optimizer, factor)
        else:
            self._stock_step(optimizer, parameters, factor)
        self.learn_rate = float(optimizer.learn_rate)
        self._fast = None  # made between gradients and step, by an annotating component, it has old weights
        self.scaler.update()
        self.steps += 1
        self.overflows = 0
        self._drop_gradients()

    def _read(self, *scalars: torch.Tensor) -> list[float]:
        """Their values, by the step's one wait for the device. With them come the losses that `update` left there:
        from now on they are numbers, since spaCy writes them into meta.json."""
        left = [(losses, name) for losses, name in self.unread if isinstance(losses[name], torch.Tensor)]
        self.unread = []
        together = [*scalars, *(losses[name] for losses, name in left)]
        values = torch.stack(together).tolist() if together else []
        for (losses, name), value in zip(left, values[len(scalars) :], strict=True):
            losses[name] = value
        return values

    def _fused_step(self, optimizer: FusedAdamW, factor: float) -> None:
        if self._step is None or self._step.optimizer is not optimizer:
            self._step = AdamWStep(self.network, optimizer, self._free)
        self._step(factor)

    def _free(self) -> None:
        self._fast = None
        free_device_memory()

    def _stock_step(self, optimizer: Optimizer, parameters: list[torch.nn.Parameter], factor: float) -> None:
        """thinc's own loop over parameters, with all fields of the optimizer honoured as they are there."""
        if self.device.type == "cuda":
            from thinc.api import CupyOps, get_current_ops

            if not isinstance(get_current_ops(), CupyOps):
                raise DeviceError(
                    f"{type(optimizer).__name__} from thinc needs CuPy to update weights on {self.device}",
                    fix='[training.optimizer] @optimizers = "cloudner.AdamW.v1", which needs torch only, or '
                    "pip install the cupy package that `spacy cloudner doctor` names",
                )
        torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], factor)
        super().finish_update(optimizer)  # its own scaler is off: gradients are unscaled by now
        self._rows = RowGradients()  # thinc's optimizers write into the gradients they are given

    def _drop_gradients(self) -> None:
        self.labelled = 0
        self._rows.clear()
        if self._model is not None:
            for parameter in self._trained():
                parameter.grad = None

    def _overflow(self, optimizer: Optimizer) -> None:
        self.scaler.update()
        self.overflows += 1
        self._drop_gradients()
        if self.overflows >= _MAX_OVERFLOWS:
            raise self._non_finite(optimizer, f"fp16 overflowed {self.overflows} times in a row")

    def _non_finite(self, optimizer: Optimizer, found: str) -> NonFiniteLossError:
        texts = "; ".join(repr(doc.text[:60]) for doc in self.last_docs[:3])
        advice = 'mixed_precision = "bf16" or "fp32", or ' if self.precision == "fp16" else ""
        return NonFiniteLossError(
            f"step {self.steps}: {found} at learning rate {float(optimizer.learn_rate):g}, batch texts {texts}; "
            "no weight was changed",
            expected="finite numbers",
            fix=f"{advice}a lower learn_rate or a longer warmup",
        )

    # -- prediction -------------------------------------------------------------------------------------------

    def predictor(self) -> tuple[TagNetwork, Any]:
        """The network to predict with, in evaluation mode, and the context to run it in."""
        from cloudner.model.inference import prepare

        if self._fast is None:
            self._fast = prepare(
                self.network, self.inference_precision, self.mixed_precision, self.inference_backend
            )
        network, context = self._fast
        if network.training:
            network.eval()
        return network, context

    def forget_predictor(self) -> None:
        """Make the prediction copy anew at the next call: weights or precision have changed."""
        self._fast = None

    @contextlib.contextmanager
    def use_params(self, params: dict) -> Iterator[None]:
        """Swap in the averages of `Adam.v1(use_averages = true)`, which thinc keys by (shim, parameter name)."""
        mine = {name: v for (key, name), v in (k_v for k_v in _pairs(params)) if key == self.id}
        if not mine or self._model is None:
            yield
            return
        named = dict(self._model.named_parameters())
        backup = {name: named[name].detach().clone() for name in mine if name in named}
        self._fast = None
        with torch.no_grad():
            for name, value in mine.items():
                if name in named:
                    named[name].copy_(
                        torch.as_tensor(value, device=named[name].device).reshape(named[name].shape)
                    )
        try:
            yield
        finally:
            self._fast = None
            with torch.no_grad():
                for name, value in backup.items():
                    named[name].copy_(value)

    # -- saving -----------------------------------------------------------------------------------------------

    def to_folder(self, folder: Path) -> None:
        """`model.safetensors` and the runner's text files."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._model is not None:
            assert self.runner is not None
            saving.write(folder, self.network, self.runner.files(self.network))

    def from_folder(self, folder: Path) -> None:
        self._fill(saving.read(folder))

    def to_bytes(self) -> bytes:
        if self._model is None:
            return saving.pack(None, {})
        assert self.runner is not None
        return saving.pack(self.network, self.runner.files(self.network))

    def from_bytes(self, bytes_data: bytes) -> TaggerShim:
        self._fill(saving.unpack(bytes_data))
        return self

    def _fill(self, saved: saving.Saved | None) -> None:
        if saved is None:
            self._model = None
            self.reset()
            return
        assert self.runner is not None
        network = self.runner.build(saved.files)
        saving.fill(network, saved.weights)
        try:
            device = target_device(self.wanted_device)
        except DeviceError as error:  # trained on a machine with a GPU, loaded on one without
            logger.warning("%s: the pipeline is loaded on the CPU", str(error).splitlines()[0])
            device = torch.device("cpu")
        self.set_network(network, device=device)

    def __getstate__(self) -> dict[str, Any]:
        # Worker processes (spawn, joblib, Spark) get the weights; a step in the making and what is made anew at the
        # next call stay here.
        fresh: dict[str, Any] = {"_step": None, "_fast": None, "_scaler": None, "_parameters": [], "labelled": 0,
                                 "last_docs": (), "unread": [], "_rows": RowGradients()}  # fmt: skip
        return {**self.__dict__, **fresh}

    def copy(self) -> TaggerShim:
        from copy import deepcopy

        made = TaggerShim(device=self.wanted_device, mixed_precision=self.mixed_precision)
        made.inference_precision = self.inference_precision
        made.inference_backend = self.inference_backend
        made._model = deepcopy(self._model)
        made.runner = self.runner.for_shim(made) if self.runner is not None else None
        return made


def _laid_out(gradient: Any, parameter: torch.Tensor) -> Any:
    """The gradient in memory as its parameter is, as `backward()` would leave it: the fused AdamW of a CPU reads both
    from front to back whatever their strides, and that of CUDA refuses them."""
    if gradient is None or gradient.is_sparse or gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _pairs(params: dict | None) -> Iterator[tuple[tuple[Any, Any], Any]]:
    for key, value in (params or {}).items():
        if isinstance(key, tuple) and len(key) == 2:
            yield key, value


def _added(gradients: Sequence[Any], others: Sequence[Any]) -> tuple[Any, ...]:
    """Sums, where None is 0; `others` may be fewer."""
    padded = [*others, *[None] * (len(gradients) - len(others))]
    pairs = zip(gradients, padded, strict=True)
    return tuple(a if b is None else b if a is None else a.add_(b) for a, b in pairs)
