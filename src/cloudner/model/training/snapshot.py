"""A network in training as tensors and JSON, and back."""

from __future__ import annotations

from typing import Any

import torch

from cloudner.model import saving
from cloudner.model.shim import TaggerShim
from cloudner.model.training.optimizer import FusedAdamW
from cloudner.model.training.step import TrainingStep


def snapshot(shim: TaggerShim) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Copies on the CPU of the weights ("weights/NAME") and, once a step has been taken, of AdamW's state
    ("exp_avg/NAME", "exp_avg_sq/NAME", "step/NAME"); and the counters beside them, as JSON. Waits for the last step."""
    shim.settle()
    tensors = {
        f"weights/{name}": value.detach().to("cpu", copy=True).contiguous()
        for name, value in shim.network.state_dict().items()
    }
    more, facts = _state(shim.step, dict(shim.network.named_parameters()))
    facts["shrunk"] = dict(getattr(shim.runner, "shrunk", {}))
    facts["learn_rate"] = shim.learn_rate
    return tensors | more, facts


def set_snapshot(
    shim: TaggerShim, tensors: dict[str, torch.Tensor], facts: dict[str, Any], optimizer: Any
) -> None:
    """Set what `snapshot` gave, for a network of the same shape."""
    start = "weights/"
    saving.fill(
        shim.network, {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
    )
    shim.reset()
    _set_state(shim.step, dict(shim.network.named_parameters()), tensors, facts, optimizer)
    getattr(shim.runner, "shrunk", {}).update(facts["shrunk"])
    shim.learn_rate = facts["learn_rate"]


def _state(
    step: TrainingStep, named: dict[str, torch.nn.Parameter]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """AdamW's by name of parameter, as copies on the CPU, and the counters."""
    tensors = step.adamw.tensors(named) if step.adamw is not None else {}
    facts: dict[str, Any] = {"steps": step.steps, "overflows": step.overflows}
    if step.scaler is not None:
        facts["scaler"] = step.scaler.state()
    return tensors, facts


def _set_state(
    step: TrainingStep,
    named: dict[str, torch.nn.Parameter],
    tensors: dict[str, torch.Tensor],
    facts: dict[str, Any],
    optimizer: Any,
) -> None:
    if isinstance(optimizer, FusedAdamW):
        step.adamw_of(optimizer).set_tensors(named, tensors)
    step.steps, step.overflows = facts["steps"], facts["overflows"]
    if step.scaler is not None and "scaler" in facts:
        step.scaler.set_state(facts["scaler"])
