"""Networks as safetensors and text files: nothing that is read can run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import srsly
import torch

from cloudner.atomic import replacing, write_text
from cloudner.errors import InputError
from cloudner.json_files import text_of
from cloudner.model.soundness import broken, check_weights, json_object, reading

WEIGHTS = "model.safetensors"


class Saved(NamedTuple):
    """The text files by name, the weights by name, and where they came from."""

    files: dict[str, str]
    weights: dict[str, torch.Tensor]
    folder: Path | None = None

    def where(self, name: str) -> str:
        return str(self.folder / name) if self.folder is not None else f"saved bytes, {name}"

    def json(self, name: str) -> dict[str, Any]:
        """A text file's JSON object. Raises InputError where there is none."""
        if name not in self.files:
            raise broken("no such file", self.where(name))
        return json_object(self.files[name], self.where(name))


def write(folder: Path, network: torch.nn.Module, files: dict[str, str]) -> dict[str, str]:
    """Weights are written straight from their memory. Returns `digests`. Raises InputError where the disk is full."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    for name, text in files.items():
        write_text(folder / name, text)
    state = _state(network)
    with replacing(folder / WEIGHTS) as aside:
        try:
            save_file(state, aside)
        except SafetensorError as error:  # its text has the number of what the system refused, by version
            if number := re.search(r"(?:os error|code:) (\d+)", str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
            raise
    return digests(files, state)


def read(folder: Path) -> Saved | None:
    """None where a pipeline was saved before it had weights. Raises InputError where they are lost or not whole."""
    from safetensors.torch import load_file

    if not folder.is_dir():
        raise broken("no such folder", str(folder), "the component's folder model")
    path = folder / WEIGHTS
    files = {file.name: _text(file) for file in sorted(folder.glob("*.json"))}
    if not path.exists():
        if not files:
            return None
        raise broken("there are no weights", str(path))
    if not path.is_file():  # a pipe would be waited for without end
        raise broken("not a regular file", str(path))
    with reading(f"{path.stat().st_size:,} bytes of weights", str(path)):
        with path.open("rb"):  # where it is forbidden, safetensors says that there is no such file
            pass
        return Saved(files, load_file(path), folder)


def _text(path: Path) -> str:
    with reading("a text file", str(path)):
        return text_of(path)


def pack(network: torch.nn.Module | None, files: dict[str, str]) -> bytes:
    from safetensors.torch import save

    return srsly.msgpack_dumps(
        {"files": files, "weights": save(_state(network))} if network is not None else {}
    )


def unpack(data: bytes) -> Saved | None:
    from safetensors.torch import load

    with reading("saved bytes of a model", None):
        message = srsly.msgpack_loads(data)
        return Saved(dict(message["files"]), load(message["weights"])) if message else None


def fill(network: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Weights that `check` has found to be this network's."""
    network.load_state_dict(weights, strict=False)


def check(skeleton: torch.nn.Module, saved: Saved) -> None:
    """Raises InputError unless the weights are those of a network like `skeleton`."""
    check_weights(skeleton, saved.weights, saved.where(WEIGHTS))


def digests(files: Mapping[str, str], weights: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """SHA-256 of each file by name, in hexadecimal. Of the weights, whose bytes would take a second for each gigabyte, those of
    the head and of all vectors: no two trainings end with the same."""
    made = {name: digest(text.replace("\r\n", "\n").encode()) for name, text in sorted(files.items())}
    told = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        if tensor.dim() == 1 or name.startswith("head."):
            told.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
            told.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return {**made, WEIGHTS: told.hexdigest()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_digests(saved: Saved, expected: Mapping[str, str]) -> None:
    """Raises InputError where a file is another one than that which was saved with `expected`: a pipeline of the same sizes
    would load, and find nonsense."""
    if not expected:  # of an older pipeline, or of bytes: nothing to compare with
        return
    for name, value in digests(saved.files, saved.weights).items():
        check_digest(saved.where(name), value, expected.get(name))


def check_digest(where: str, value: str, expected: str | None) -> None:
    if expected is not None and value != expected:
        raise InputError(
            "not the file that cfg beside the folder model was saved with: one of them is another pipeline's",
            file=where,
            expected="the files of one training",
            fix='copy the pipeline\'s folder again, or where the file was changed on purpose take "digests" out of cfg',
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
