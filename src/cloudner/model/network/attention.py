"""Which of torch's attentions computes: over short sequences in half precision on CPUs, and on GPUs."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from cloudner.model.precision import cpu_has_bf16

# Longest sequence, in pieces, whose scores are held as a matrix. Up to here it is faster than torch's fused kernel, whose
# backward pass in bf16 takes several times its fp32 time (benchmarks/PROFILE.md); beyond, its memory grows too.
LONGEST = 256


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """torch's `scaled_dot_product_attention`, by two matrix products where that is faster.

    query, key, value: (sequences, heads, length, width). attn_mask: broadcastable to (sequences, heads, length,
    length), added to the scores, or bool, True where attention goes. Arguments and result as torch's; what it does
    not do itself it leaves to torch.
    """
    if (
        is_causal
        or enable_gqa
        or query.dtype != torch.bfloat16
        or not query.dtype == key.dtype == value.dtype
        or query.device.type != "cpu"
        or key.shape[-2] > LONGEST
    ):
        more = {"enable_gqa": True} if enable_gqa else {}  # torch 2.4 does not know it
        return scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **more
        )
    with torch.autocast("cpu", enabled=False):  # which would compute the softmax in fp32
        scores = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.transpose(-1, -2)
        if attn_mask is not None:
            if attn_mask.dtype == torch.bool:
                scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
            else:
                scores = scores + attn_mask.to(scores.dtype).clamp_min(torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1)
        return (functional.dropout(weights, dropout_p) if dropout_p else weights) @ value


class ShortAttention(TorchFunctionMode):
    """Within it calls of torch's attention are calls of `attend`; `calls` counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is scaled_dot_product_attention:
            self.calls += 1
            func = attend
        return func(*args, **(kwargs or {}))


def short_attention(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """`ShortAttention` on a CPU that computes in bf16, elsewhere nothing."""
    return ShortAttention() if device.type == "cpu" and cpu_has_bf16() else contextlib.nullcontext()


def without_plans(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """On a GPU torch's attention without cuDNN, which newer torch prefers on recent cards and which plans anew for
    each (sequences, length): up to half a second for a batch of a new shape. Elsewhere nothing. The backward pass
    belongs inside too, as gradient checkpointing computes the layers again there."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])
