"""The checks that do something: compute on the device, pass memory between torch and cupy, call the hub."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloudner.encoders.folders import cached_folder
from cloudner.errors import first_line
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
    """Inside this context CuPy uses an allocator of its own. thinc's "pytorch" allocator, once set, stays, and where thinc has gone back to the
    CPU (`spacy.require_cpu`, `load(device="cpu")`) it gives CuPy host memory: an illegal access ends the process's use of
    the GPU."""
    return cupy.cuda.using_allocator(cupy.get_default_memory_pool().malloc)


def ask_hub(name: str, timeout: float) -> str | None:
    """None if `name` is in the local cache or the hub answers for it; otherwise why not, in one line."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session

    if cached_folder(name):
        return None
    if constants.HF_HUB_OFFLINE:
        return f"{name}: HF_HUB_OFFLINE is set and the model is not in the local cache"
    try:
        # Asked once: the library's own functions try five times more, which takes half a minute, and print each error.
        url = hf_hub_url(name, "config.json")
        status = get_session().head(url, headers=build_hf_headers(), timeout=timeout).status_code
    except Exception as error:  # of the HTTP library, which is another one from huggingface_hub 1.0 on
        return f"{name}: {constants.ENDPOINT} cannot be reached ({type(error).__name__}: {first_line(error)})"
    return f"{name}: {constants.ENDPOINT} answers {status}" if status >= 400 else None
