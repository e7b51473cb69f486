"""Where a network goes."""

from __future__ import annotations

import torch

from cloudner.errors import DeviceError


def target_device(wanted: str = "auto") -> torch.device:
    """auto: where thinc's active ops are (`spacy.require_gpu`), or the CPU. Else the device named, checked.

    Raises DeviceError when CUDA is asked for and does not work.
    """
    if wanted == "auto":
        from thinc.api import get_torch_default_device

        return get_torch_default_device()
    device = torch.device(wanted)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError(
                f"device = {wanted!r}, but torch sees no CUDA device", fix="python -m spacy cloudner doctor"
            )
        if device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
    return device
