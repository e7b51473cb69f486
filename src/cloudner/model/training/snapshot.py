"""A network in training as tensors and JSON, and back."""

from __future__ import annotations

from typing import Any

import torch

from cloudner.model import saving
from cloudner.model.shim import TaggerShim


def snapshot(shim: TaggerShim) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Copies on the CPU of the weights ("weights/NAME") and, once a step has been taken, of AdamW's state
    ("exp_avg/NAME", "exp_avg_sq/NAME", "step/NAME"); and the counters beside them, as JSON. Waits for the last step."""
    shim.settle()
    tensors = {
        f"weights/{name}": value.detach().to("cpu", copy=True).contiguous()
        for name, value in shim.network.state_dict().items()
    }
    more, facts = shim.step.state(dict(shim.network.named_parameters()))
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
    shim.step.set_state(dict(shim.network.named_parameters()), tensors, facts, optimizer)
    getattr(shim.runner, "shrunk", {}).update(facts["shrunk"])
    shim.learn_rate = facts["learn_rate"]
