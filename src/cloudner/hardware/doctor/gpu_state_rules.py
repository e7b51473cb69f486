"""Rules about the state a GPU is in: memory that others hold, heat, power. Pure functions as in `gpu_rules`."""

from __future__ import annotations

from cloudner.hardware.doctor.finding import Finding, Needs
from cloudner.hardware.machine.facts import GIB, GPU, Hardware
from cloudner.hardware.machine.visible import entry_of

MIN_GPU_FREE = 2 * GIB
OTHERS_SHARE = 0.5  # of the memory, in use by others, before it is worth a word


def gpu_memory(machine: Hardware, needs: Needs) -> list[Finding]:
    """Is the memory of the first GPU taken by somebody else?"""
    for gpu in machine.gpus[:1]:
        if gpu.memory_free is None or gpu.integrated or not gpu.memory_total:
            continue
        taken = gpu.memory_total - gpu.memory_free
        if gpu.memory_free >= MIN_GPU_FREE and taken < OTHERS_SHARE * gpu.memory_total:
            text = f"{gpu.name}: {_gib(gpu.memory_free)} of {_gib(gpu.memory_total)} free"
            return [Finding("gpu-memory", "ok", text)]
        who = _holders(gpu)
        other = _roomier(machine, gpu)
        return [
            Finding(
                "gpu-memory-taken",
                "blocking" if gpu.memory_free < MIN_GPU_FREE else "warning",
                f"{gpu.name}: only {_gib(gpu.memory_free)} of {_gib(gpu.memory_total)} free, held by {who}",
                "training would run out of memory, or with a smaller batch than the card can take",
                f"export CUDA_VISIBLE_DEVICES={entry_of(other.index, machine.visible_devices)}"
                if other
                else f"kill {gpu.processes[0].pid}   (only if it is yours)"
                if gpu.processes
                else "nvidia-smi   (then end the process that holds the memory)",
            )
        ]
    return []


def _holders(gpu: GPU) -> str:
    if not gpu.processes:
        return "a process that the driver does not name (often one outside this container)"
    return ", ".join(
        f"{p.name} (process {p.pid}" + (f", {_gib(p.memory)})" if p.memory else ")") for p in gpu.processes
    )


def _roomier(machine: Hardware, taken: GPU) -> GPU | None:
    free = [gpu for gpu in machine.gpus if gpu is not taken and (gpu.memory_free or 0) > MIN_GPU_FREE]
    return max(free, key=lambda gpu: gpu.memory_free or 0, default=None)


def throttling(machine: Hardware, needs: Needs) -> list[Finding]:
    """Does heat or power hold the clock down right now?"""
    findings = []
    for gpu in machine.gpus:
        if gpu.throttle:
            heat = f" at {gpu.temperature} degrees Celsius" if gpu.temperature is not None else ""
            findings.append(
                Finding(
                    "gpu-throttled",
                    "warning",
                    f"{gpu.name} runs slower than it could: {', '.join(gpu.throttle)}{heat}",
                    "steps take longer, and estimates of `plan` are too low",
                    "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER   (then free the vents or raise the power limit)",
                )
            )
    return findings


def _gib(size: int | None) -> str:
    return f"{(size or 0) / GIB:.1f} GiB"
