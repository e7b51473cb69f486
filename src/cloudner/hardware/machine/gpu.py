"""Which GPUs there are: torch first, then NVIDIA's library, then `nvidia-smi`; each may be missing.

torch says what this process may use (names, compute capability, order), NVIDIA's library or `nvidia-smi` add what
torch does not know: free memory without making a CUDA context, driver, processes, throttling.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cloudner.hardware.machine.facts import GPU, GPUProcess, Hardware

# Bits of nvmlClocksThrottleReasons that mean heat or power (NVML API reference, "Clocks Event Reasons").
THROTTLE = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "thermal (software)",
    0x40: "thermal (hardware)",
    0x80: "power brake",
}
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD"}


def pci_gpus(folder: Path = Path("/sys/bus/pci/devices")) -> tuple[str, ...]:
    """NVIDIA and AMD display devices on the PCI bus, whether or not a driver runs them (Linux only)."""
    listed = []
    try:
        devices = sorted(folder.iterdir())
    except OSError:
        return ()
    for device in devices:
        try:
            kind = (device / "class").read_text().strip()
            vendor = (device / "vendor").read_text().strip()
            number = (device / "device").read_text().strip()
        except OSError:
            continue
        # 0x03....: display controllers; 0x12....: processing accelerators (AMD Instinct)
        if vendor in _VENDORS and kind.startswith(("0x03", "0x12")):
            listed.append(f"{_VENDORS[vendor]} {number} at {device.name}")
    return tuple(listed)


def from_torch(torch: Any) -> dict[str, Any]:
    """What torch knows, as fields of `Hardware`. Never raises: a failure becomes `torch_error`."""
    facts: dict[str, Any] = {
        "torch_cuda": getattr(torch.version, "cuda", None),
        "torch_hip": getattr(torch.version, "hip", None),
        "gpus": (),
    }
    try:
        facts["torch_archs"] = tuple(torch.cuda.get_arch_list()) or _built_archs(torch)
        facts["torch_sees_gpu"] = bool(torch.cuda.is_available())
        if facts["torch_cuda"] and not facts["torch_sees_gpu"]:
            torch.cuda.init()  # is_available() swallows the reason; this raises it
    except Exception as error:
        facts["torch_sees_gpu"] = False
        facts["torch_error"] = str(error).splitlines()[0] if str(error) else type(error).__name__
    if facts.get("torch_sees_gpu"):
        try:
            facts["gpus"] = tuple(_torch_gpu(torch, i) for i in range(torch.cuda.device_count()))
            cudnn = torch.backends.cudnn.version()
            facts["cudnn"] = str(cudnn) if cudnn else None
        except Exception as error:
            facts["torch_error"] = str(error).splitlines()[0]
    backend = getattr(torch.backends, "mps", None)
    facts["mps"] = bool(backend and backend.is_available())
    if facts["mps"] and not facts["gpus"]:
        total = int(torch.mps.recommended_max_memory()) if hasattr(torch.mps, "recommended_max_memory") else 0
        facts["gpus"] = (GPU(0, "Apple MPS", total, total or None, integrated=True),)
    return facts


def _built_archs(torch: Any) -> tuple[str, ...]:
    # get_arch_list() is empty while no GPU is usable; the flags the build was made with are there regardless
    flags = getattr(torch._C, "_cuda_getArchFlags", None)
    return tuple((flags() or "").split()) if flags else ()


def _torch_gpu(torch: Any, index: int) -> GPU:
    properties = torch.cuda.get_device_properties(index)
    capability = None if getattr(torch.version, "hip", None) else (properties.major, properties.minor)
    uuid = str(properties.uuid) if getattr(properties, "uuid", None) else None
    return GPU(index, properties.name, int(properties.total_memory), None, capability, bare(uuid))


def computing(torch: Any, index: int) -> GPU:
    """The card that torch has computed on, with its free memory: the context that this takes is there already. Raises
    what torch raises."""
    free, _ = torch.cuda.mem_get_info(index)
    return replace(_torch_gpu(torch, index), memory_free=int(free))


def bare(uuid: str | None) -> str | None:
    """A UUID without the driver's prefix, in small letters: torch has none."""
    return uuid.lower().removeprefix("gpu-") if uuid else None


def from_nvml() -> dict[str, Any]:
    """What NVIDIA's management library (`nvidia-ml-py`) knows. Raises whatever that library raises."""
    import pynvml

    pynvml.nvmlInit()
    try:
        cuda = pynvml.nvmlSystemGetCudaDriverVersion_v2()
        gpus = tuple(
            _nvml_gpu(pynvml, index, pynvml.nvmlDeviceGetHandleByIndex(index))
            for index in range(pynvml.nvmlDeviceGetCount())
        )
        return {
            "driver": _text(pynvml.nvmlSystemGetDriverVersion()),
            "driver_cuda": (cuda // 1000, cuda % 1000 // 10),
            "gpus": gpus,
        }
    finally:
        pynvml.nvmlShutdown()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _nvml_gpu(pynvml: Any, index: int, handle: Any) -> GPU:
    def ask(function: str, *arguments: Any) -> Any:
        try:  # every question may be unsupported on some card
            return getattr(pynvml, function)(handle, *arguments)
        except (pynvml.NVMLError, AttributeError):
            return None

    memory = ask("nvmlDeviceGetMemoryInfo")
    capability = ask("nvmlDeviceGetCudaComputeCapability")
    mode = ask("nvmlDeviceGetMigMode")
    mig = bool(mode and mode[0])
    instances = 0
    if mig:
        slots = range(ask("nvmlDeviceGetMaxMigDeviceCount") or 0)
        instances = sum(ask("nvmlDeviceGetMigDeviceHandleByIndex", slot) is not None for slot in slots)
    reasons = ask("nvmlDeviceGetCurrentClocksThrottleReasons") or 0
    return GPU(
        index,
        _text(ask("nvmlDeviceGetName") or "NVIDIA GPU"),
        int(memory.total) if memory else 0,
        int(memory.free) if memory else None,
        tuple(capability) if capability else None,
        bare(_text(ask("nvmlDeviceGetUUID") or "")) or None,
        mig,
        instances,
        tuple(
            GPUProcess(p.pid, _process_name(p.pid), getattr(p, "usedGpuMemory", None))
            for p in ask("nvmlDeviceGetComputeRunningProcesses") or ()
        ),
        tuple(name for bit, name in THROTTLE.items() if reasons & bit),
        ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU),
    )


def _process_name(pid: int) -> str:
    import psutil

    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "outside this container"


def with_computing(machine: Hardware, seen: GPU, cuda: str | None, hip: str | None) -> Hardware:
    """`machine` where the card `seen` computes, whatever the detection found in its short time: it is there, torch of
    this CUDA or HIP sees it and has kernels for it."""
    known = next((card for card in machine.gpus if card.index == seen.index), None)
    if known is not None and machine.torch_sees_gpu and known.memory_free is not None:
        return machine
    card = seen
    if known is not None:  # the driver's facts of it
        capability = seen.compute_capability or known.compute_capability
        total, free = seen.memory_total, seen.memory_free
        card = replace(
            known, name=seen.name, memory_total=total, memory_free=free, compute_capability=capability
        )
    others = [other for other in machine.gpus if other.index != seen.index]
    cards = tuple(sorted([*others, card], key=lambda one: one.index))
    return replace(
        machine,
        gpus=cards,
        torch_sees_gpu=True,
        torch_cuda=cuda,
        torch_hip=hip,
        torch_archs=(),
        torch_error=None,
    )


def merge(seen: tuple[GPU, ...], driver: tuple[GPU, ...], visible: str | None) -> tuple[GPU, ...]:
    """torch's list completed with the driver's facts; the driver's list alone where torch sees nothing.

    Matched by UUID, otherwise by position in CUDA_VISIBLE_DEVICES. A MIG instance has its own memory, so only
    torch's total is kept for it.
    """
    if not seen:
        return driver
    by_uuid = {gpu.uuid: gpu for gpu in driver if gpu.uuid}
    order = [int(x) for x in (visible or "").split(",") if x.strip().isdigit()] or list(range(len(driver)))
    merged = []
    for gpu in seen:
        place = order[gpu.index] if gpu.index < len(order) else -1
        other = by_uuid.get(gpu.uuid or "") or (driver[place] if 0 <= place < len(driver) else None)
        if other is None:
            merged.append(gpu)
            continue
        free = None if other.mig or other.memory_free is None else min(other.memory_free, gpu.memory_total)
        merged.append(
            replace(
                other,
                index=gpu.index,
                name=gpu.name,
                memory_total=gpu.memory_total,
                memory_free=free,
                compute_capability=gpu.compute_capability or other.compute_capability,
            )
        )
    return tuple(merged)
