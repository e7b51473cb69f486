"""Starts the device in this process and tells what happened on it.

from device import stand_in

device = stand_in.start()       # before anything imports torch
with device.watch() as seen:
    nlp.update(examples, sgd=optimizer)
seen.waits, seen.launches
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from device import building, torch_cuda

# Frames of these folders say where a wait comes from.
_TOLD = ("cloudner", "transformers", "thinc", "spacy", "torch/optim", "torch/amp", "torch/nn/attention")


@dataclass(frozen=True, slots=True)
class Wait:
    """The host waited for the device. kind: "item", "copy to host", "copy from host", "event", "stream", "device" or
    the name of an operator that reads back how large its result is. frames: where from, innermost first; none where only
    torch's own thread for the backward pass was running."""

    kind: str
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} @ {' <- '.join(self.frames[:2])}"


@dataclass(slots=True)
class Seen:
    """What happened in `Device.watch`: waits in their order, names of what was launched in theirs."""

    waits: list[Wait] = field(default_factory=list)
    launches: list[str] = field(default_factory=list)


class Device:
    """The device of this process; there is one."""

    def __init__(self, native: ModuleType) -> None:
        self.native: Any = native
        self._seen: Seen | None = None
        native.on_wait(self._on_wait)

    def _on_wait(self, kind: str) -> None:
        if self._seen is not None:
            self._seen.waits.append(Wait(kind, _frames()))

    @contextlib.contextmanager
    def watch(self) -> Iterator[Seen]:
        """Waits and launches within; its lists are complete at the end."""
        outer, self._seen = self._seen, Seen()
        seen = self._seen
        self.native.count(True)
        try:
            yield seen
        finally:
            seen.launches = self.native.launched()
            self.native.count(False)
            self._seen = outer

    @contextlib.contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Within it, `size` bytes can be allocated beyond what is held now; more raises torch.OutOfMemoryError. What takes up
        to 512 bytes always fits."""
        gc.collect()  # or what is collected within would be room too
        self.native.limit(self.used() + size)
        try:
            yield
        finally:
            self.native.limit(-1)

    @contextlib.contextmanager
    def failing(self, kind: str, after: int) -> Iterator[None]:
        """Within it, one use of a kind fails, after so many that did not: "memory" an allocation on the device,
        "pinned" one of pinned host memory, "cublas" a matrix product that cannot get its workspace."""
        self.native.fail(kind, after)
        try:
            yield
        finally:
            self.native.fail(kind, -1)

    def used(self) -> int:
        """Bytes held by tensors."""
        return self.native.memory()[0]

    def peak(self) -> int:
        """The most bytes since `reset_peak`."""
        return self.native.memory()[1]

    def reset_peak(self) -> None:
        self.native.reset_peak()

    def allocations(self) -> int:
        """How many of more than 512 bytes there have been in this process."""
        return self.native.allocations()


def start() -> Device:
    """Compile, load, and make torch believe. Raises AssertionError where torch has been imported."""
    assert "torch" not in sys.modules, "start the device before torch is imported"
    library = building.build()
    for name in ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_python.so"):
        ctypes.CDLL(str(building.torch_folder() / "lib" / name), ctypes.RTLD_GLOBAL)
    # Into the process before torch's own module: that asks the registered hooks whether there is CUDA.
    ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    import torch  # noqa: F401

    spec = importlib.util.spec_from_file_location("cuda_on_cpu", library)
    assert spec is not None
    assert spec.loader is not None
    native = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(native)
    torch_cuda.pretend(native)
    return Device(native)


def _frames() -> tuple[str, ...]:
    found = []
    for frame in reversed(traceback.extract_stack()):
        for name in _TOLD:
            at = frame.filename.rfind(f"/{name}/")
            if at >= 0:
                found.append(f"{frame.filename[at + 1 :]}:{frame.lineno} {frame.name}")
                break
        if len(found) == 4:
            break
    return tuple(found)
