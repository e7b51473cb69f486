"""Dropout rates of an encoder, and dropout that costs a CPU one multiplication."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

# Entries of a pool. A slice starts at random, so the pool has to be long beside the tensors it is used on (a
# micro-batch of 4,096 pieces and 384 dimensions has 1.6 million), and small beside the encoder's weights.
POOL = 1 << 22
_pools: dict[float, torch.Tensor] = {}


class PooledDropout(nn.Dropout):
    """`torch.nn.Dropout`, whose mask on a CPU is a slice, from a random place, of one long mask made beforehand.

    torch draws a CPU's masks one number at a time from one generator, which is a tenth of a small encoder's
    training step. The place is drawn from torch's generator: a seed gives the same masks again.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        size = input.numel()
        if (
            not self.training
            or self.p == 0.0
            or input.device.type != "cpu"
            or 2 * size > POOL
            or self.p == 1.0
        ):
            return functional.dropout(input, self.p, self.training)
        begin = int(torch.randint(0, POOL - size, ()))
        mask = _pool(self.p)[begin : begin + size].view(input.shape)
        return input * (mask if input.dtype == mask.dtype else mask.to(input.dtype))


def _pool(rate: float) -> torch.Tensor:
    """(POOL,) float32: 0 with probability `rate`, else 1 / (1 - rate). The same in every process."""
    pool = _pools.get(rate)
    if pool is None:
        generator = torch.Generator().manual_seed(0)
        pool = torch.empty(POOL).bernoulli_(1 - rate, generator=generator).div_(1 - rate)
        _pools[rate] = pool
    return pool


def pool_dropout(encoder: nn.Module) -> None:
    """Replace the encoder's dropout layers by pooled ones of the same rate."""
    for parent in list(encoder.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, PooledDropout(child.p))


def set_rates(config: Any, dropout: float | None, attention_dropout: float | None) -> None:
    """Change a Hugging Face configuration before its encoder is built: `dropout` all rates, `attention_dropout` that
    of attention weights. None leaves what the configuration has. Families name their rates differently, but all of
    them with "dropout", and attention's with "attention"."""
    for name, value in config.to_dict().items():
        if "dropout" not in name or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        rate = attention_dropout if "attention" in name and attention_dropout is not None else dropout
        if rate is not None:
            setattr(config, name, float(rate))
