"""The checks that do something: compute on the device, pass memory between torch and cupy, call the hub."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloudner.hardware.machine.facts import Hardware

_SIZE = 64  # rows and columns of the matrices; small, the question is whether it runs at all


def run_checks(hardware: Hardware, hub_names: tuple[str, ...] = (), timeout: float = 5.0) -> Hardware:
    """`hardware` with `torch_works`, `exchange` and `hub` filled in. Imports torch; never raises.

    `hub_names` are the model names that a config needs from the hub; without any the hub is not called.
    """
    done: dict[str, Any] = {}
    if "torch" in hardware.versions:
        done["torch_works"] = _outcome(lambda: multiply(bool(hardware.torch_sees_gpu)))
        if hardware.torch_sees_gpu and hardware.cupy_packages:
            done["exchange"] = _outcome(exchange)
    if hub_names:
        done["hub"] = next((bad for bad in (ask_hub(n, timeout) for n in hub_names) if bad), "ok")
    return replace(hardware, **done)


def _outcome(check: Any) -> str:
    try:
        check()
    except Exception as error:
        first = str(error).strip().splitlines()
        return f"{type(error).__name__}: {first[0] if first else ''}".rstrip(": ")
    return "ok"


def multiply(on_gpu: bool) -> None:
    """A matrix product with torch on the device, compared with the exact result. Raises if it is wrong."""
    import torch

    device = "cuda:0" if on_gpu else "cpu"
    matrix = torch.ones((_SIZE, _SIZE), device=device)
    if float((matrix @ matrix)[0, 0]) != _SIZE:
        raise RuntimeError(f"a matrix product on {device} came out wrong")


def exchange() -> None:
    """A DLPack round trip torch -> cupy -> torch on the GPU, with a matrix product on each side."""
    import cupy
    import torch

    matrix = torch.ones((_SIZE, _SIZE), device="cuda:0")
    with own_memory(cupy):
        there = cupy.from_dlpack(matrix)
        product = there @ there
    back = torch.from_dlpack(product)
    if float(back[0, 0]) != _SIZE or float((back @ matrix)[0, 0]) != _SIZE**2:
        raise RuntimeError("a matrix product across torch and cupy came out wrong")


def own_memory(cupy: Any) -> Any:
    """Within it CuPy allocates by itself. thinc's "pytorch" allocator, once set, stays, and where thinc has gone back to the
    CPU (`spacy.require_cpu`, `load(device="cpu")`) it gives CuPy host memory: an illegal access ends the process's use of
    the GPU."""
    return cupy.cuda.using_allocator(cupy.get_default_memory_pool().malloc)


def ask_hub(name: str, timeout: float) -> str | None:
    """None if `name` is in the local cache or the hub answers for it; otherwise why not, in one line."""
    if cached(name):
        return None
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return f"{name}: HF_HUB_OFFLINE is set and the model is not in the local cache"
    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    request = urllib.request.Request(f"{base}/{name}/resolve/main/config.json", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        return f"{name}: {base} answers {error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return f"{name}: {getattr(error, 'reason', error)}"


def cached(name: str) -> Path | None:
    """The folder of a hub model in the local cache that holds its config.json, or None."""
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "huggingface"
    )
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    snapshots = hub / ("models--" + name.replace("/", "--")) / "snapshots"
    configs = sorted(snapshots.glob("*/config.json"), key=lambda path: path.stat().st_mtime)
    return configs[-1].parent if configs else None
