"""AdamW for the encoder's parameters as torch runs it fused, and for stock components as thinc runs it.

No `from __future__ import annotations` here: thinc checks a config's values by the annotations of the function.
"""

import math
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, List, Union, cast  # noqa: UP035

from thinc.api import Optimizer

from cloudner.errors import ConfigError
from cloudner.model.training.schedule import LinearSchedule

if TYPE_CHECKING:
    import torch
    from torch import nn

FloatOrSchedule = Union[float, List[float], Generator]  # noqa: UP006, UP007


class FusedAdamW(Optimizer):
    """A thinc Optimizer that cloudner's shim runs on the device in one fused step.

    Stock components call it as they call `Adam.v1` with decoupled weight decay. It does nothing to
    `use_averages`: averages of torch weights do not work in thinc 8.3.
    """

    def __init__(
        self,
        learn_rate: FloatOrSchedule,
        *,
        weight_decay: float,
        beta1: float,
        beta2: float,
        eps: float,
        grad_clip: float,
        head_factor: float,
        layer_decay: float,
    ) -> None:
        super().__init__(
            cast(Any, learn_rate),  # thinc has a Generator type of its own
            L2=weight_decay,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            grad_clip=grad_clip,
            use_averages=False,
            L2_is_weight_decay=True,
        )
        self.head_factor = head_factor
        self.layer_decay = layer_decay
        self._finished: set[int] = set()

    @property
    def schedule(self) -> LinearSchedule | None:
        schedule = self.schedules.get("learn_rate")
        return schedule if isinstance(schedule, LinearSchedule) else None

    def step_schedules(self) -> None:
        super().step_schedules()
        self._finished.clear()

    def before_finish(self, shim_id: int) -> None:
        """Called by each shim before each step it takes. spaCy's training loop steps the schedules after each
        update; a plain `nlp.update` loop does not: the optimizer notices that a shim comes again and does it."""
        if shim_id in self._finished:
            self.step_schedules()
        self._finished.add(shim_id)


def adamw(
    learn_rate: FloatOrSchedule = 5e-5,
    *,
    weight_decay: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    grad_clip: float = 1.0,
    head_factor: float = 1.0,
    layer_decay: float = 1.0,
) -> Optimizer:
    """`cloudner.AdamW.v1`: AdamW (Loshchilov and Hutter, 2019) with no decay on biases and layer norms.

    learn_rate: a number or a schedule, such as `cloudner.linear.v1`. grad_clip: the largest norm of all gradients
    together (0: no clipping). head_factor: the head's learning rate over the encoder's. layer_decay: each layer's
    rate over that of the layer above it (1: all alike).
    """
    numbers = {"weight_decay": weight_decay, "grad_clip": grad_clip, "eps": eps, "head_factor": head_factor}
    for key, value in numbers.items():
        if not (_is_number(value) and value >= 0):
            raise ConfigError(f"{key} = {value!r}", expected="a number, 0 or more")
    for key, value in (("beta1", beta1), ("beta2", beta2)):
        if not (_is_number(value) and 0 <= value < 1):
            raise ConfigError(f"{key} = {value!r}", expected="a number from 0, below 1")
    if not (_is_number(layer_decay) and 0 < layer_decay <= 1):
        raise ConfigError(f"layer_decay = {layer_decay!r}", expected="a number above 0, at most 1")
    return FusedAdamW(
        learn_rate,
        weight_decay=weight_decay,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        head_factor=head_factor,
        layer_decay=layer_decay,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def parameter_groups(network: "nn.Module", optimizer: FusedAdamW) -> list[dict[str, Any]]:
    """torch parameter groups by weight decay (none on vectors: biases and norms) and rate factor `scale`."""
    from cloudner.model.network.tag_network import encoder_layers

    encoder = getattr(network, "encoder", None)
    layers = encoder_layers(encoder) if encoder is not None else []
    depth = {id(p): i + 1 for i, layer in enumerate(layers) for p in layer.parameters()}
    in_encoder = {id(p) for p in encoder.parameters()} if encoder is not None else set()
    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for parameter in network.parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in in_encoder:
            above = len(layers) - depth.get(id(parameter), 0)
            scale = optimizer.layer_decay**above
        else:
            scale = optimizer.head_factor
        decay = optimizer.L2 if parameter.ndim > 1 else 0.0
        groups.setdefault((decay, scale), []).append(parameter)
    return [{"params": p, "weight_decay": d, "scale": s} for (d, s), p in groups.items()]


def make_torch_optimizer(groups: list[dict[str, Any]], optimizer: FusedAdamW) -> "torch.optim.AdamW":
    """torch's AdamW over groups as `parameter_groups` gives them, fused where its kernel can."""
    import torch

    return torch.optim.AdamW(
        groups,
        lr=optimizer.learn_rate,
        betas=(optimizer.b1, optimizer.b2),
        eps=optimizer.eps,
        fused=_can_fuse(p for group in groups for p in group["params"]),
    )


def _can_fuse(parameters: Iterable["torch.Tensor"]) -> bool:
    return all(p.device.type in {"cuda", "cpu"} and p.is_floating_point() for p in parameters)
