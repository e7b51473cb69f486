"""The state of a training at a step, as tensors and JSON: enough to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch

from cloudner.component import Cloudner
from cloudner.model.shim import TaggerShim
from cloudner.model.training.snapshot import set_snapshot, snapshot
from cloudner.training.batches import drawn, set_drawn

Tensors = dict[str, torch.Tensor]


def collect(nlp: Any, optimizer: Any, device: str) -> tuple[Tensors, dict[str, Any]]:
    """Copies of all weights and of the optimizer's state, and the facts beside them: counters, the pipeline's measured
    performance, and the random numbers' state. Tensors are on the CPU. Waits for steps that are not settled."""
    tensors: Tensors = {}
    facts: dict[str, Any] = {"pipes": {}, "performance": dict(nlp.meta.get("performance", {}))}
    for name, pipe in _trained(nlp):
        ours = isinstance(pipe, Cloudner)
        if ours:
            more, facts["pipes"][name] = snapshot(cast(TaggerShim, pipe.model.shims[0]))
            tensors |= {f"{name}/{key}": value for key, value in more.items()}
        if not ours or pipe.model.has_ref("tok2vec"):  # and what lies below a head that listens
            data = pipe.to_bytes(exclude=["vocab"])
            tensors[f"{name}/bytes"] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    facts["optimizer"] = _thinc_state(nlp, optimizer, tensors)
    tensors |= {f"random/{key}": value for key, value in torch_random(device).items()}
    facts["random"] = drawn()
    return tensors, facts


def restore(
    nlp: Any, optimizer: Any, device: str, tensors: Tensors, facts: dict[str, Any], steps: int
) -> None:
    """Restore what `collect` returned. steps: how many the optimizer's schedules have taken. The random numbers are left to
    `restore_random`, since the data is found again first."""
    for name, pipe in _trained(nlp):
        own = _under(tensors, name)
        if "bytes" in own:
            pipe.from_bytes(own["bytes"].numpy().tobytes(), exclude=["vocab"])
        if name in facts["pipes"]:  # a listener is not in checkpoints of earlier versions
            set_snapshot(pipe.model.shims[0], own, facts["pipes"][name], optimizer)
    for _ in range(steps):
        optimizer.step_schedules()
    _set_thinc_state(nlp, optimizer, tensors, facts["optimizer"])
    nlp.meta["performance"] = dict(facts["performance"])


def restore_random(tensors: Tensors, facts: dict[str, Any], device: str) -> None:
    states = _under(tensors, "random")
    torch.set_rng_state(states["torch"])
    if "cuda" in states and device.startswith("cuda"):
        torch.cuda.set_rng_state(states["cuda"], device)
    set_drawn(facts["random"])


def torch_random(device: str) -> Tensors:
    states = {"torch": torch.get_rng_state()}
    if device.startswith("cuda"):
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _under(tensors: Tensors, name: str) -> Tensors:
    start = f"{name}/"
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}


def _trained(nlp: Any) -> Iterator[tuple[str, Any]]:
    for name, pipe in nlp.pipeline:
        if getattr(pipe, "is_trainable", False) and pipe.model not in (True, False, None):
            yield name, pipe


# thinc's optimizers key what they keep by (id of a model, name of a parameter), and ids are of a process: here they go by
# the component and the place of the model in its walk.


def _keys(nlp: Any) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for name, pipe in _trained(nlp):
        for place, node in enumerate(pipe.model.walk()):
            for parameter in node.param_names:
                found[(node.id, parameter)] = f"{name}.{place}.{parameter}"
            for number, shim in enumerate(node.shims):
                found[shim.id] = f"{name}.{place}.shim{number}"
    return found


_MOMENTS = ("mom1", "mom2", "averages")


def _thinc_state(nlp: Any, optimizer: Any, tensors: Tensors) -> dict[str, Any]:
    keys = _keys(nlp)

    def named(key: Any) -> str | None:
        if key in keys:
            return keys[key]
        if isinstance(key, tuple) and key[0] in keys:  # a parameter within a shim
            return f"{keys[key[0]]}.{key[1]}"
        return None

    for kind in _MOMENTS:
        for key, value in (getattr(optimizer, kind, None) or {}).items():
            if (name := named(key)) is not None:
                array = value.get() if hasattr(value, "get") and not isinstance(value, dict) else value
                tensors[f"optimizer/{kind}/{name}"] = torch.from_numpy(np.array(array))
    counts = {named(k): int(v) for k, v in (getattr(optimizer, "nr_update", None) or {}).items()}
    last = {named(k): int(v) for k, v in (getattr(optimizer, "last_update", None) or {}).items()}
    return {"nr_update": counts, "last_update": last}


def _set_thinc_state(nlp: Any, optimizer: Any, tensors: Tensors, facts: dict[str, Any]) -> None:
    by_name: dict[str, Any] = {name: key for key, name in _keys(nlp).items()}

    def key_of(name: str) -> Any:
        if name in by_name:
            return by_name[name]
        shim, _, parameter = name.partition(".shim")
        number, _, rest = parameter.partition(".")
        return by_name[f"{shim}.shim{number}"], rest

    for kind in _MOMENTS:
        for name, value in _under(tensors, f"optimizer/{kind}").items():
            key = key_of(name)
            getattr(optimizer, kind)[key] = _as_ops(nlp, value.numpy())
    for field in ("nr_update", "last_update"):
        table = getattr(optimizer, field, None)
        for name, value in facts.get(field, {}).items():
            if table is not None and name and name != "null":
                table[key_of(name)] = value


def _as_ops(nlp: Any, array: Any) -> Any:
    from thinc.api import get_current_ops

    return get_current_ops().asarray(array)
