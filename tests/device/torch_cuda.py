"""`torch.cuda` over the device on the CPU: what a build of torch without CUDA has no code for."""

from __future__ import annotations

import contextlib
import time
import types
from collections.abc import Iterator
from typing import Any

PROPERTIES = types.SimpleNamespace(
    name="NVIDIA H100 80GB HBM3", major=9, minor=0, total_memory=80 << 30, multi_processor_count=132, warp_size=32,
    regs_per_multiprocessor=65536, max_threads_per_multi_processor=2048, shared_memory_per_block_optin=232448, uuid="0",
)  # fmt: skip


def pretend(native: Any) -> None:
    """Change `torch.cuda` for the rest of the process. native: the compiled module."""
    import torch

    for name, value in {**_properties(), **_memory(native), **_random(torch), **_streams(native)}.items():
        setattr(torch.cuda, name, value)
    torch.version.cuda = "13.0"
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    _copy_deeply(torch)


def _properties() -> dict[str, Any]:
    return {
        "_lazy_init": lambda: None,
        "init": lambda: None,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "device": lambda device: contextlib.nullcontext(),
        "get_device_capability": lambda device=None: (PROPERTIES.major, PROPERTIES.minor),
        "get_device_properties": lambda device=None: PROPERTIES,
        "get_device_name": lambda device=None: PROPERTIES.name,
        "get_arch_list": lambda: ["sm_80", "sm_90", "sm_100"],
        "is_bf16_supported": lambda *args, **kwargs: True,
    }


def _memory(native: Any) -> dict[str, Any]:
    def free_and_total(device: Any = None) -> tuple[int, int]:
        return PROPERTIES.total_memory - native.memory()[0], PROPERTIES.total_memory

    def set_fraction(fraction: float, device: Any = None) -> None:
        native.limit(-1 if fraction >= 1 else int(fraction * PROPERTIES.total_memory))

    return {
        "empty_cache": lambda: None,
        "mem_get_info": free_and_total,
        "memory_allocated": lambda device=None: native.memory()[0],
        "memory_reserved": lambda device=None: native.memory()[0],
        "max_memory_allocated": lambda device=None: native.memory()[1],
        "max_memory_reserved": lambda device=None: native.memory()[1],
        "reset_peak_memory_stats": lambda device=None: native.reset_peak(),
        "set_per_process_memory_fraction": set_fraction,
    }


def _random(torch: Any) -> dict[str, Any]:
    """Kernels here draw from the host's generator."""
    return {
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "get_rng_state": lambda device="cuda": torch.get_rng_state(),
        "set_rng_state": lambda state, device="cuda": torch.set_rng_state(state),
    }


def _streams(native: Any) -> dict[str, Any]:
    """Streams and events. There is one queue, in the order of the launches; copies to the host arrive when they are
    waited for."""

    class Event:
        """`torch.cuda.Event`: what was launched before `record` is there after `synchronize`."""

        def __init__(self, enable_timing: bool = False, **_: Any) -> None:
            self._ticket = 0
            self._time = 0.0

        def record(self, stream: Any = None) -> None:
            self._ticket, self._time = native.copies_launched(), time.perf_counter()

        def synchronize(self) -> None:
            native.wait_event(self._ticket)

        def query(self) -> bool:
            return True

        def wait(self, stream: Any = None) -> None: ...

        def elapsed_time(self, end: Any) -> float:
            return (end._time - self._time) * 1000

    class Stream:
        """`torch.cuda.Stream`."""

        def __init__(self, device: Any = None, priority: int = 0, **_: Any) -> None:
            self.cuda_stream = 0
            self.device = torch.device("cuda", 0)

        def record_event(self, event: Any = None) -> Event:
            event = event or Event()
            event.record(self)
            return event

        def synchronize(self) -> None:
            native.wait("stream")

        def query(self) -> bool:
            return True

        def wait_event(self, event: Any) -> None: ...

        def wait_stream(self, stream: Any) -> None: ...

    @contextlib.contextmanager
    def stream(chosen: Any) -> Iterator[None]:
        yield

    def set_sync_debug_mode(mode: Any) -> None:
        native.waits_are_errors(mode in {"error", 2})

    import torch

    only = Stream()
    return {
        "Event": Event,
        "Stream": Stream,
        "stream": stream,
        "current_stream": lambda device=None: only,
        "default_stream": lambda device=None: only,
        "set_stream": lambda stream: None,
        "synchronize": lambda device=None: native.wait("device"),
        "set_sync_debug_mode": set_sync_debug_mode,
        "is_current_stream_capturing": lambda: False,
    }


def _copy_deeply(torch: Any) -> None:
    """`copy.deepcopy` of a tensor on the device makes a storage by code that a build without CUDA lacks."""
    plain = torch.Tensor.__deepcopy__

    def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
        if self.device.type != "cuda":
            return plain(self, memo)
        if id(self) not in memo:
            memo[id(self)] = self.detach().clone().requires_grad_(self.requires_grad)
        return memo[id(self)]

    torch.Tensor.__deepcopy__ = deepcopy
