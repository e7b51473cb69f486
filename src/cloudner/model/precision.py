"""Which number format a device computes in."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any

from cloudner.encoders.shape import FP32_ONLY
from cloudner.errors import ConfigError
from cloudner.hardware.machine.cpu import cpu_name_and_flags
from cloudner.hardware.machine.precision import best_on_cpu, best_on_gpu, multiplies_bf16, usable

if TYPE_CHECKING:
    import torch

logger = logging.getLogger("cloudner")

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def choose_precision(wanted: str | bool, device: torch.device, kind: str = "") -> str:
    """`fp32`, `bf16` or `fp16` for training and prediction on `device`.

    auto (and spaCy's true): bf16 on CUDA with compute capability 8.0 or higher and on CPUs with AVX512-BF16 or
    AMX, fp16 on CUDA 7.0 to 7.5, else fp32. spaCy's false is fp32. A precision the device cannot do falls back
    to what it can, with a warning; so does an encoder of a `kind` in `FP32_ONLY`. Raises ConfigError for an unknown
    name.
    """
    name = {True: "auto", False: "fp32"}.get(wanted, wanted) if isinstance(wanted, bool) else wanted
    if name not in PRECISIONS:
        raise ConfigError(f"mixed_precision = {wanted!r}", expected=", ".join(PRECISIONS) + ", true or false")
    best = _best(device.type, device.index)
    if kind in FP32_ONLY and name != "fp32":
        return "fp32" if best == "fp32" else _in_fp32(kind)
    chosen = usable(name, best, device.type)
    return chosen if name in ("auto", chosen) else _fall_back(name, chosen, str(device))


@functools.cache
def _fall_back(wanted: str, best: str, device: str) -> str:
    logger.warning("%s is not fast on %s: computing in %s", wanted, device, best)
    return best


@functools.cache
def _in_fp32(kind: str) -> str:
    logger.warning("an encoder of the type %s cannot compute in half precision: computing in fp32", kind)
    return "fp32"


def encoder_kind(network: Any) -> str:
    """The `model_type` of the network's encoder; "" where it has none."""
    return str(getattr(getattr(getattr(network, "encoder", None), "config", None), "model_type", ""))


@functools.cache
def _best(kind: str, index: int | None) -> str:
    import torch

    if kind == "cuda":
        hip = bool(torch.version.hip)
        return best_on_gpu(None if hip else torch.cuda.get_device_capability(index or 0), hip)[0]
    return best_on_cpu(_cpu_flags())[0] if kind == "cpu" else "fp32"


@functools.cache
def cpu_has_bf16() -> bool:
    """Does the CPU multiply bf16 in hardware? Without it autocast is slower than fp32."""
    return multiplies_bf16(_cpu_flags())


@functools.cache
def _cpu_flags() -> tuple[str, ...]:
    return cpu_name_and_flags()[1]


def autocast(device: torch.device, precision: str) -> Any:
    """The context in which the forward pass runs; fp32 gets none."""
    if precision == "fp32":
        return contextlib.nullcontext()
    import torch

    return torch.autocast(device.type, dtype=torch.bfloat16 if precision == "bf16" else torch.float16)
