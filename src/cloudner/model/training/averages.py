"""Averaged weights swapped in for the current ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn


@contextlib.contextmanager
def swapped_in(network: nn.Module, values: Mapping[str, Any]) -> Iterator[None]:
    """Inside this context the named parameters have these values (arrays or tensors of the same size); names that the
    network does not have are ignored."""
    named = dict(network.named_parameters())
    backup = {name: named[name].detach().clone() for name in values if name in named}
    with torch.no_grad():
        for name in backup:
            value = torch.as_tensor(values[name], device=named[name].device)
            named[name].copy_(value.reshape(named[name].shape))
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in backup.items():
                named[name].copy_(value)
