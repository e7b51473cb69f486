"""`detect_hardware`: look at this machine once, quickly, and never raise."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cloudner.hardware.machine import cpu, gpu, smi, software
from cloudner.hardware.machine.facts import Hardware

T = TypeVar("T")


def detect_hardware(timeout: float = 1.0) -> Hardware:
    """What this process may use: CPUs, RAM, instruction sets, GPUs, drivers and versions.

    `timeout` is in seconds and bounds the questions to the GPU driver, which can hang; the first `import torch`
    (only where there is a sign of a GPU, or torch is loaded already) is not counted. Never raises: what failed is
    in `Hardware.notes`. The instruction sets are those in `cpu.CPU_FLAGS`.
    """
    notes: list[str] = []
    began = time.perf_counter()
    facts: dict[str, Any] = {}
    for probe in (_system, _cpu, _memory, _software):
        facts.update(_safely(probe, notes) or {})
    variable = "HIP_VISIBLE_DEVICES" if facts.get("torch_hip") else "CUDA_VISIBLE_DEVICES"
    facts["visible_devices"] = os.environ.get(variable)
    facts["pci_gpus"] = _safely(gpu.pci_gpus, notes) or ()

    before_import = time.perf_counter()
    torch = _torch(facts, notes)
    importing = time.perf_counter() - before_import
    facts.update(_gpus(torch, timeout, facts, notes))
    return Hardware(**facts, notes=tuple(notes), seconds=round(time.perf_counter() - began - importing, 4))


def _safely(function: Callable[[], T], notes: list[str]) -> T | None:
    try:
        return function()
    except Exception as error:
        notes.append(f"{function.__name__.lstrip('_')}: {type(error).__name__}: {error}")
        return None


def _within(seconds: float, name: str, function: Callable[[], T], notes: list[str]) -> T | None:
    """`function()`, or None with a note when it raises or takes longer (it is then left behind in its thread)."""
    result: list[T | None] = []
    own_notes: list[str] = []
    thread = threading.Thread(target=lambda: result.append(_safely(function, own_notes)), daemon=True)
    thread.start()
    thread.join(max(0.01, seconds))
    if thread.is_alive():
        notes.append(f"{name}: no answer within {seconds:.1f} s")
        return None
    notes.extend(f"{name}: {note.partition(': ')[2]}" for note in own_notes)
    return result[0] if result else None


def _system() -> dict[str, Any]:
    return {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()}


def _cpu() -> dict[str, Any]:
    name, flags = cpu.cpu_name_and_flags()
    limit = cpu.cpu_limit(cpu.cgroup_folders("cpu"))
    return {
        "cpu_name": name,
        "cpu_flags": flags,
        "cpus": cpu.usable_cpus(limit),
        "cpus_host": os.cpu_count() or 1,
    }


def _memory() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    limit, left = cpu.memory_limit(cpu.cgroup_folders("memory"))
    shm_total, shm_free = cpu.shared_memory()
    return {
        "ram_host": int(memory.total),
        "ram_total": int(min(memory.total, limit or memory.total)),
        "ram_available": int(min(memory.available, memory.available if left is None else left)),
        "shm_total": shm_total,
        "shm_free": shm_free,
        "disk_free": shutil.disk_usage(".").free,
    }


def _software() -> dict[str, Any]:
    packages, major = software.cupy_packages()
    cuda, hip = software.torch_build()
    return {
        "versions": software.versions(),
        "cupy_packages": packages,
        "cupy_cuda": major,
        "torch_cuda": cuda,
        "torch_hip": hip,
        "transformers_wanted": software.transformers_wanted(),
    }


def _torch(facts: dict[str, Any], notes: list[str]) -> Any:
    """torch, if it is loaded already or can have a GPU to tell about; importing it costs seconds."""
    if "torch" in sys.modules:
        return sys.modules["torch"]
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    devices = any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg"))
    built = facts.get("torch_cuda") or facts.get("torch_hip")
    # without /sys (Windows) a GPU build of torch is the only sign there is
    windows = platform.system() == "Windows" and built
    if "torch" not in facts.get("versions", {}) or not (apple or devices or windows):
        return None

    def torch() -> Any:
        return importlib.import_module("torch")

    return _safely(torch, notes)


def _gpus(torch: Any, timeout: float, facts: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    sources: list[str] = []
    gpu_facts: dict[str, Any] = {"gpus": ()}
    began = time.perf_counter()
    seen = _within(timeout, "torch", lambda: gpu.from_torch(torch), notes) if torch else None
    if seen:
        sources.append("torch")
        gpu_facts.update(seen)
    if not facts.get("torch_hip"):
        left = timeout - (time.perf_counter() - began)
        tried: list[str] = []
        asked: list[str] = []
        driver = _within(left, "nvidia-ml-py", gpu.from_nvml, tried)
        source = "nvidia-ml-py"
        if driver is None and shutil.which("nvidia-smi"):
            left = timeout - (time.perf_counter() - began)
            driver = _within(left, "nvidia-smi", lambda: smi.from_smi(max(0.1, left)), asked)
            source = "nvidia-smi"
        if driver:
            sources.append(source)
            gpu_facts["gpus"] = gpu.merge(gpu_facts["gpus"], driver.pop("gpus"), facts.get("visible_devices"))
            gpu_facts.update(driver)
        else:  # on a machine without a GPU there is no library to find, but a program that is there has failed
            notes.extend([*(tried if facts.get("pci_gpus") else ()), *asked])
    return {**gpu_facts, "sources": tuple(sources)}
