"""Networks as safetensors and text files: nothing that is read can run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import srsly
import torch

from cloudner.errors import InputError

WEIGHTS = "model.safetensors"
_WHOLE = "the whole file, as training left it"
_AGAIN = "copy the pipeline's folder again, or `git lfs pull` where it came with git"


class Saved(NamedTuple):
    """The text files by name, and the weights by name."""

    files: dict[str, str]
    weights: dict[str, torch.Tensor]


def write(folder: Path, network: torch.nn.Module, files: dict[str, str]) -> None:
    """Weights are written straight from their memory."""
    from safetensors.torch import save_file

    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf8")
    save_file(_state(network), folder / WEIGHTS)


def read(folder: Path) -> Saved | None:
    """None where a pipeline was saved before it had weights. Raises InputError where they are lost or not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    files = {file.name: file.read_text(encoding="utf8") for file in folder.glob("*.json")}
    if not path.exists():
        if not files:
            return None
        raise InputError("there are no weights", file=str(path), expected=_WHOLE, fix=_AGAIN)
    try:
        return Saved(files, load_file(path))
    except SafetensorError as error:
        raise InputError(
            f"{path.stat().st_size:,} bytes, no weights ({error})",
            file=str(path),
            expected=_WHOLE,
            fix=_AGAIN,
        ) from error


def pack(network: torch.nn.Module | None, files: dict[str, str]) -> bytes:
    from safetensors.torch import save

    return srsly.msgpack_dumps(
        {"files": files, "weights": save(_state(network))} if network is not None else {}
    )


def unpack(data: bytes) -> Saved | None:
    from safetensors.torch import load

    message = srsly.msgpack_loads(data)
    return Saved(message["files"], load(message["weights"])) if message else None


def fill(network: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Raises ValueError when the weights are not this network's."""
    missing, unexpected = network.load_state_dict(weights, strict=False)
    buffers = {name for name, _ in network.named_buffers()}
    lost = [name for name in missing if name not in buffers]
    if lost or unexpected:
        raise ValueError(
            f"the saved weights do not fit the network: missing {lost[:3]}, unexpected {list(unexpected)[:3]}"
        )


def _state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Contiguous tensors without shared storage (tied weights once), as safetensors wants them."""
    seen: set[int] = set()
    state = {}
    for name, tensor in network.state_dict().items():
        if tensor.data_ptr() in seen and tensor.numel():
            tensor = tensor.clone()
        seen.add(tensor.data_ptr())
        state[name] = tensor.detach().contiguous()
    return state
