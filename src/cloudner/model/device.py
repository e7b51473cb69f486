"""The device that a network is put on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar

import torch

from cloudner.errors import DeviceError

# Beside thinc's own layers: `cloudner.SharedNER.v1` computes where the vectors come from.
WITH_THINC = "thinc"

_chosen: ContextVar[tuple[str, bool] | None] = ContextVar("cloudner_device", default=None)


@contextlib.contextmanager
def computing_on(device: str, *, always: bool = False) -> Iterator[None]:
    """Inside, `device = "auto"` means this device ("cpu", "cuda:1"), whatever thinc's ops are: without CuPy those stay
    on the CPU while torch computes on the GPU. `always`: whatever `device` a config names. No config is changed, so
    what is saved inside goes to other machines with "auto" in it."""
    token = _chosen.set((device, always))
    try:
        yield
    finally:
        _chosen.reset(token)


def check_process(device: torch.device, initialised: bool) -> None:
    """Raises DeviceError in a process that was forked from one that had used the GPU: CUDA cannot be begun there again.

    device: of weights that are there. initialised: `torch.cuda.is_initialized()`, which is false beside weights on a
    GPU only after a fork.
    """
    if device.type == "cuda" and not initialised:
        raise DeviceError(
            f"the pipeline is on {device}, which a forked process cannot use once its parent has",
            expected="one process a GPU: batches are what keeps it busy",
            fix='n_process=1, or multiprocessing.set_start_method("spawn") before nlp.pipe, or '
            'cloudner.load(..., device="cpu")',
        )


def target_device(wanted: str = "auto") -> torch.device:
    """auto: what `computing_on` says, else where thinc's active ops are (`spacy.require_gpu`), or the CPU. "thinc":
    the latter in any case. Else the device named, checked.

    Raises DeviceError for a name that is none, and when CUDA is asked for and does not work.
    """
    chosen = _chosen.get()
    if chosen is not None and wanted != WITH_THINC and (wanted == "auto" or chosen[1]):
        wanted = chosen[0]
    if wanted in {"auto", WITH_THINC}:
        from thinc.api import get_torch_default_device

        return get_torch_default_device()
    try:
        device = torch.device(wanted)
    except RuntimeError:  # with a list of all that torch knows
        raise DeviceError(f"device = {wanted!r}", expected='"auto", "cpu", "cuda" or "cuda:1"') from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError(
                f"device = {wanted!r}, but torch sees no CUDA device", fix="python -m spacy cloudner doctor"
            )
        if device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
    return device


# `nlp.pipe(n_process=2)` forks. A child inherits torch's thread pool without its threads and waits for them for ever;
# with one thread it needs no pool, and as many processes as cores leave no core for a second one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
