"""What a command sets for its whole process, before the work and never at import: allocators, and TF32."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from packaging.version import Version

logger = logging.getLogger("cloudner")

_NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
_ONE_NAME_FOR_ALL_DEVICES = Version("2.10")  # from there on torch warns that the older name is deprecated
_VIRTUAL_MEMORY = 102  # CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED


def keep_freed_memory() -> None:
    """Let glibc keep freed tensors' memory for the next ones. By default each large tensor is mapped anew, and the
    kernel clears its pages again: see benchmarks/PROFILE.md."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-4, 0)  # M_MMAP_MAX: no separate mappings
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: nothing is given back
    except (OSError, AttributeError):  # not glibc
        logger.debug("no mallopt here")


@contextmanager
def uncollected(*, kept: bool = False) -> Iterator[None]:
    """Python's garbage collector rests: a corpus is some hundred objects a document, which it would look through again and
    again while they are made. kept: nor does it look through what there is afterwards; for what lasts as long as the
    command."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if kept:
            gc.freeze()
        if collects:
            gc.enable()


def expand_segments() -> bool:
    """Let torch's CUDA allocator grow its segments in place: micro-batches of many lengths leave less memory between
    them that fits none. Torch reads the setting when CUDA begins; CuPy takes its memory from the same allocator.

    Returns whether it was set: not where the user has set the allocator, CUDA has begun, or the driver or the system
    (Windows, WSL, some virtual GPUs) has no virtual memory for it.
    """
    setting = segment_setting(os.environ, torch.__version__)
    if setting is None or not torch.version.cuda or torch.cuda.is_initialized():
        return False
    if sys.platform != "linux" or "microsoft" in platform.release().lower() or not _virtual_memory():
        return False
    os.environ[setting[0]] = setting[1]
    return True


def segment_setting(environment: Mapping[str, str], torch_version: str) -> tuple[str, str] | None:
    """The variable that this version of torch reads, and its value; None where the user has said something of the
    allocator."""
    if any(environment.get(name) for name in _NAMES):
        return None
    new = Version(torch_version).release >= _ONE_NAME_FOR_ALL_DEVICES.release
    return _NAMES[0 if new else 1], "expandable_segments:True"


def _virtual_memory() -> bool:
    """Does the driver let every visible device map memory into addresses that were reserved before?"""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count, device, value = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return False
    for number in range(count.value):
        if driver.cuDeviceGet(ctypes.byref(device), number):
            return False
        if driver.cuDeviceGetAttribute(ctypes.byref(value), _VIRTUAL_MEMORY, device) or not value.value:
            return False
    return True


def allow_tf32() -> None:
    """Let CUDA multiply fp32 matrices in TF32 (10 bits of mantissa, sums in fp32), several times as fast from compute
    capability 8.0 on and without effect below. For encoders that compute in fp32, by choice or because their code
    cannot do else. The switch is the process's. Who has set it keeps it, where torch tells (2.9 and newer);
    NVIDIA_TF32_OVERRIDE=0 in the environment overrules it."""
    matmul = torch.backends.cuda.matmul
    if getattr(matmul, "fp32_precision", "none") == "none":
        # By its older name: once the newer one is set, torch.compile raises as it reads this one.
        matmul.allow_tf32 = True
