"""What a figure was measured on, and the memory a process took."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

PACKAGES = (
    "cloudner", "spacy", "thinc", "torch", "transformers", "tokenizers", "spacy-transformers", "accelerate",
    "spacy-curated-transformers", "curated-transformers", "cupy-cuda12x", "cupy-cuda13x", "openvino", "onnxruntime",
    "gliner", "flair", "numpy", "seqeval",
)  # fmt: skip


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine(device: str) -> dict[str, Any]:
    """CPU model, those of its flags that matter to matrix products, usable cores, RAM; on CUDA the GPU too."""
    import psutil

    from cloudner.hardware.machine.cpu import cpu_name_and_flags, usable_cpus

    name, flags = cpu_name_and_flags()
    made: dict[str, Any] = {
        "cpu": name,
        "cpu_flags": list(flags),
        "cores": usable_cpus(None),
        "ram_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    if device.startswith("cuda"):
        import torch

        properties = torch.cuda.get_device_properties(device)
        made["gpu"] = torch.cuda.get_device_name(device)
        made["gpu_memory_gb"] = round(properties.total_memory / 1e9, 1)
        made["compute_capability"] = list(torch.cuda.get_device_capability(device))
        made["torch_cuda"] = torch.version.cuda
    return made


def peak_memory(device: str) -> dict[str, int]:
    """rss: the most resident memory this process had so far; cuda: the most its tensors took on the device."""
    made = {"rss": _peak_rss()}
    if device.startswith("cuda"):
        import torch

        made["cuda"] = int(torch.cuda.max_memory_allocated(device))
        made["cuda_reserved"] = int(torch.cuda.max_memory_reserved(device))
    return made


def _peak_rss() -> int:
    try:
        with open("/proc/self/status", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    factor = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor


def resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def synchronize(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
