"""thinc's own optimizers on an encoder: what they keep of a head that has grown since, and a rate that is none for it."""

from __future__ import annotations

import logging
from typing import Any

import torch

logger = logging.getLogger("cloudner")

# spaCy's default rate, and what is above it.
_RUINOUS = 1e-3


def forget_other_shapes(network: torch.nn.Module, owner: int, optimizer: Any) -> None:
    """Labels added between two updates have made the head larger than what the optimizer keeps of it.

    owner: the id of the shim, by which thinc keys what it keeps.
    """
    for name, parameter in network.named_parameters():
        for kept in (optimizer.mom1, optimizer.mom2, optimizer.averages):
            moment = (kept or {}).get((owner, name))
            if moment is not None and moment.size != parameter.numel():  # thinc keeps moments flat
                del kept[owner, name]


def tell_rate(network: torch.nn.Module, optimizer: Any) -> bool:
    """Warns, and returns True, where the rate is one for small networks trained from nothing."""
    if not hasattr(network, "encoder") or optimizer.learn_rate < _RUINOUS:
        return False
    logger.warning(
        "%s at a learning rate of %g, which ruins a pretrained encoder. Before nlp.resume_training() or nlp.update: "
        'nlp.config["training"]["optimizer"] = {"@optimizers": "cloudner.AdamW.v1", "learn_rate": 5e-5}',
        type(optimizer).__name__,
        optimizer.learn_rate,
    )
    return True
