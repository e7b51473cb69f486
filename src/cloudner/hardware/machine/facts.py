"""What a machine is: plain frozen data that prints as JSON and reads back from it.

Nothing here looks at the machine (`detect` does) or judges it (`rules` do), so a state recorded on one machine
can be judged on another.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from cloudner.hardware.machine.precision import multiplies_bf16

GIB = 1024**3


@dataclass(frozen=True)
class GPUProcess:
    """A process that holds memory of a GPU. `memory` is in bytes, None where the driver does not tell."""

    pid: int
    name: str
    memory: int | None = None


@dataclass(frozen=True)
class GPU:
    """One accelerator as this process may use it. Memory in bytes; `index` is torch's."""

    index: int
    name: str
    memory_total: int
    memory_free: int | None = None
    compute_capability: tuple[int, int] | None = None
    uuid: str | None = None
    mig: bool = False  # MIG mode is on
    mig_instances: int = 0  # instances of it that exist
    processes: tuple[GPUProcess, ...] = ()
    throttle: tuple[str, ...] = ()  # reasons for which the driver holds the clock down now
    temperature: int | None = None  # degrees Celsius
    integrated: bool = False  # shares the RAM: Apple's MPS

    @property
    def kind(self) -> str:
        """The name without vendor words: "Tesla T4" and "NVIDIA T4" are both "T4"."""
        words = [w for w in self.name.split() if w.lower() not in {"nvidia", "tesla", "amd", "geforce"}]
        return " ".join(words) or self.name


@dataclass(frozen=True)
class Hardware:
    """Everything the rules, the recommendation and the plan read. Memory in bytes, versions as text."""

    system: str = ""
    machine: str = ""
    python: str = ""
    # CPU and memory, as limited by the container
    cpu_name: str = ""
    cpus: float = 1.0  # usable: affinity and cgroup quota, may be a fraction
    cpus_host: int = 1
    ram_total: int = 0  # the container's limit where it is lower than the host's RAM
    ram_host: int = 0
    ram_available: int = 0
    shm_total: int | None = None  # /dev/shm; None where there is none
    shm_free: int | None = None
    disk_free: int | None = None  # where the command was started
    cpu_flags: tuple[str, ...] = ()  # of CPU_FLAGS only
    # accelerators
    gpus: tuple[GPU, ...] = ()
    pci_gpus: tuple[str, ...] = ()  # NVIDIA and AMD display devices on the bus, driver or not
    driver: str | None = None  # NVIDIA driver
    driver_cuda: tuple[int, int] | None = None  # newest CUDA that the driver runs
    visible_devices: str | None = None  # CUDA_VISIBLE_DEVICES / HIP_VISIBLE_DEVICES as set
    mps: bool = False
    # software
    versions: dict[str, str] = field(default_factory=dict)  # torch, thinc, spacy, transformers, ...
    torch_cuda: str | None = None  # CUDA that torch was built for
    torch_hip: str | None = None
    torch_archs: tuple[str, ...] = ()  # torch.cuda.get_arch_list()
    torch_sees_gpu: bool | None = None  # torch.cuda.is_available(); None: not asked
    torch_error: str | None = None
    cudnn: str | None = None
    cupy_packages: tuple[str, ...] = ()  # "cupy-cuda12x 13.6.0", one for each installed
    cupy_cuda: int | None = None  # CUDA major of the (only) cupy
    transformers_wanted: str | None = None  # what the installed spacy-transformers accepts
    # checks that do something; None: not done
    torch_works: str | None = None  # "ok" or the error
    exchange: str | None = None  # torch <-> cupy, "ok" or the error
    hub: str | None = None  # "ok", "cached" or why it could not be reached
    # how it was found out
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what went wrong while looking; never raised
    seconds: float = 0.0  # without the first `import torch`

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, for JSON."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Hardware:
        """The reverse of `to_dict`; keys this version does not know are left out."""
        known = {f.name for f in dataclasses.fields(cls)}
        values = {key: value for key, value in record.items() if key in known}
        for key in _TUPLES & values.keys():
            if values[key] is not None:
                values[key] = tuple(values[key])
        values["gpus"] = tuple(_gpu(gpu) for gpu in record.get("gpus", ()))
        return cls(**values)

    @property
    def has_bf16_cpu(self) -> bool:
        """Whether the CPU multiplies bf16 in hardware; without it bf16 on a CPU is slower than fp32."""
        return multiplies_bf16(self.cpu_flags)


_TUPLES = {
    "cpu_flags",
    "pci_gpus",
    "driver_cuda",
    "torch_archs",
    "cupy_packages",
    "sources",
    "notes",
}


def _gpu(record: dict[str, Any]) -> GPU:
    known = {f.name for f in dataclasses.fields(GPU)}
    values = {key: value for key, value in record.items() if key in known}
    if values.get("compute_capability"):
        values["compute_capability"] = tuple(values["compute_capability"])
    values["throttle"] = tuple(values.get("throttle", ()))
    values["processes"] = tuple(GPUProcess(**process) for process in values.get("processes", ()))
    return GPU(**values)
