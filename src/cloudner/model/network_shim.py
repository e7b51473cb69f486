"""Where a network is and how it is saved."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from thinc.shims import PyTorchShim

from cloudner.errors import DeviceError
from cloudner.model import saving
from cloudner.model.device import target_device
from cloudner.model.network.tag_network import TagNetwork
from cloudner.model.runners.protocol import Runner
from cloudner.model.soundness import reading

logger = logging.getLogger("cloudner")

_LAYER = "tok2vec"  # the thinc model's reference to the layer, and the file it is saved in


class NetworkShim(PyTorchShim):
    """Holds the network (None until it is initialised or loaded), on its device, to and from disk and bytes.

    device: as `cloudner.TransformerNER.v1` has it.
    """

    def __init__(self, *, device: str) -> None:
        super().__init__(None, mixed_precision=False)
        self.wanted_device = device
        self.runner: Runner | None = None
        # Told of a saved network (on the device "meta") before it is built; may refuse it.
        self.look_at: Callable[[TagNetwork], None] | None = None

    # -- network and device -----------------------------------------------------------------------------------

    @property
    def network(self) -> TagNetwork:
        if self._model is None:
            raise ValueError(
                "the cloudner component has no weights yet: call nlp.initialize(...) or load a trained pipeline"
            )
        return self._model

    @property
    def ready(self) -> bool:
        return self._model is not None

    @property
    def device(self) -> torch.device:
        """Where the parameters are; before there are any, where they will be. From the parameters, since thinc's
        active ops are thread-local and say nothing in another thread."""
        if self._model is not None:
            return next(self._model.parameters()).device
        return target_device(self.wanted_device)

    def set_network(self, network: TagNetwork, *, device: torch.device | None = None) -> None:
        # What comes from `from_pretrained` is in evaluation mode, and a parent made around it does not know.
        network.train(network.training)
        self._model = network.to(device or target_device(self.wanted_device))
        self.reset()

    def reset(self) -> None:
        """Parameters have been replaced or moved: forget what was made of the former ones."""

    def to_device(self, device_type: str, device_id: int) -> None:
        if self._model is not None:
            self._model.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")
        self.reset()

    def settle(self) -> None:
        """Before the weights are looked at: finish what is not done with them."""

    # -- saving -----------------------------------------------------------------------------------------------

    def write(self, model: Any, folder: Path) -> dict[str, str]:
        """This shim's files and, where `model` has one, its tok2vec layer's. Returns their digests by name."""
        made = self.to_folder(folder)
        if model.has_ref(_LAYER):
            model.get_ref(_LAYER).to_disk(folder / _LAYER)
            made[_LAYER] = saving.digest((folder / _LAYER).read_bytes())
        return made

    def read(self, model: Any, folder: Path, digests: Mapping[str, str]) -> None:
        """digests: those that `write` returned, or none. Raises InputError where a file has another."""
        if model.has_ref(_LAYER) and _LAYER in digests:
            with reading("the tok2vec layer", str(folder / _LAYER)):
                found = saving.digest((folder / _LAYER).read_bytes())
            saving.check_digest(str(folder / _LAYER), found, digests[_LAYER])
        self._fill(saving.read(folder), digests)
        if model.has_ref(_LAYER):
            model.get_ref(_LAYER).from_disk(folder / _LAYER)

    def to_folder(self, folder: Path) -> dict[str, str]:
        """`model.safetensors` and the runner's text files. Returns their digests."""
        self.settle()
        folder.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return {}
        assert self.runner is not None
        return saving.write(folder, self.network, self.runner.files(self.network))

    def to_bytes(self) -> bytes:
        if self._model is None:
            return saving.pack(None, {})
        assert self.runner is not None
        return saving.pack(self.network, self.runner.files(self.network))

    def from_bytes(self, bytes_data: bytes) -> NetworkShim:
        self._fill(saving.unpack(bytes_data))
        return self

    def _fill(self, saved: saving.Saved | None, digests: Mapping[str, str] = MappingProxyType({})) -> None:
        if saved is None:
            self._model = None
            self.reset()
            return
        assert self.runner is not None
        with reading("a saved network", str(saved.folder) if saved.folder is not None else None):
            skeleton = self.runner.skeleton(saved)
            saving.check(skeleton, saved)
            saving.check_digests(saved, digests)
            if self.look_at is not None:
                self.look_at(skeleton)
            network = self.runner.build(saved)
            saving.fill(network, saved.weights)
        try:
            device = target_device(self.wanted_device)
        except DeviceError as error:  # trained on a machine with a GPU, loaded on one without
            logger.warning("%s: the pipeline is loaded on the CPU", str(error).splitlines()[0])
            device = torch.device("cpu")
        self.set_network(network, device=device)
