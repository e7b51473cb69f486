"""Two calls of an encoder's, computed with less work on a GPU: attention and layer norm.

    packed   attention over the pieces that are there. Given a mask of padding, torch takes a kernel that reads it for
             every pair of pieces; without one it takes the flash kernel, several times as fast for long texts. Here that
             kernel gets the bounds of each sequence, and padding is a sequence of its own, which nothing reads.
    stream   in bf16 the layer norms give bf16, so that what runs from layer to layer is never widened to fp32 and cast
             back. Weights stay fp32, and a norm's own sums are fp32 in torch's kernel.

Both are modes of torch's calls, so that every family of encoders that makes these calls has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from cloudner.model.network.batch import Sequences

LEAN = ("packed", "stream")
_HALF = (torch.bfloat16, torch.float16)
# Widths of a head that the flash kernel takes.
_MULTIPLE, _WIDEST = 8, 256
# Families that transformers 4 gives a mask in full size, though it is of padding alone.
_PADDING_ONLY = {"albert", "bert", "camembert", "distilbert", "roberta", "xlm-roberta"}


def varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bounds: torch.Tensor, longest: int, dropout: float, scale: float | None
) -> torch.Tensor:  # fmt: skip
    """(pieces, heads, width) attention within each stretch; bounds: (stretches + 1,) int32, where they begin and the last
    one ends. torch's own flash kernel; raises RuntimeError or NotImplementedError where the device has none."""
    return torch.ops.aten._flash_attention_forward(
        query, key, value, bounds, bounds, longest, longest, dropout, False, False, scale=scale
    )[0]


class LeanCalls(TorchFunctionMode):
    """Within it the calls of one pass over `batch` are lean; `calls` counts those by name."""

    def __init__(self, names: Sequence[str], batch: Sequences, encoder: Any) -> None:
        super().__init__()
        self.names = tuple(names)
        self.calls = dict.fromkeys(LEAN, 0)
        self.shape = tuple(batch.ids.shape)
        self.padding_only = encoder.config.model_type in _PADDING_ONLY
        self.bounds = _bounds(batch) if "packed" in names and batch.lengths is not None else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is scaled_dot_product_attention and self.bounds is not None:
            made = self._attend(*args, **kwargs)
            if made is not None:
                self.calls["packed"] += 1
                return made
        elif (func is functional.layer_norm or func is torch.layer_norm) and "stream" in self.names:
            made = self._norm(*args, **kwargs)
            if made is not None:
                self.calls["stream"] += 1
                return made
        return func(*args, **kwargs)

    def _attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor | None:
        """(sequences, heads, length, width), or None where it is not attention of each piece to its sequence's."""
        assert self.bounds is not None
        if is_causal or enable_gqa or attn_mask is None or not query.shape == key.shape == value.shape:
            return None
        if query.dtype not in _HALF or not query.dtype == key.dtype == value.dtype or query.dim() != 4:
            return None
        count, heads, length, width = query.shape
        if (count, length) != self.shape or width % _MULTIPLE or width > _WIDEST:
            return None
        # A mask that is the same for every query is of keys, which is padding.
        if not (self.padding_only or attn_mask.shape[-2] == 1 or attn_mask.stride(-2) == 0):
            return None
        q, k, v = (part.transpose(1, 2).reshape(count * length, heads, width) for part in (query, key, value))
        made = varlen(q, k, v, self.bounds, length, dropout_p, scale)
        return made.view(count, length, heads, width).transpose(1, 2)

    def _norm(
        self,
        values: torch.Tensor,
        shape: Any,
        weight: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        eps: float = 1e-5,
        *rest: Any,
        **more: Any,
    ) -> torch.Tensor | None:
        """The norm in bf16; None outside autocast to it."""
        kind = values.device.type
        if rest not in ((), (True,), (False,)) or more or not torch.is_autocast_enabled(kind):
            return None
        half = torch.get_autocast_dtype(kind)
        if half != torch.bfloat16 or values.dtype not in (half, torch.float32):
            return None
        with torch.autocast(kind, enabled=False):
            if values.dtype == torch.float32:  # the embeddings' sum
                return functional.layer_norm(values, shape, weight, bias, eps).to(half)
            weight, bias = (None if part is None else part.to(half) for part in (weight, bias))
            return functional.layer_norm(values, shape, weight, bias, eps)


def _bounds(batch: Sequences) -> torch.Tensor:
    """(2 * sequences + 1,) int32: each sequence's pieces, then its padding."""
    assert batch.lengths is not None
    count, length = batch.ids.shape
    starts = torch.arange(0, (count + 1) * length, length, device=batch.ids.device)
    ends = starts[:-1] + batch.lengths
    return torch.cat([torch.stack([starts[:-1], ends], dim=1).flatten(), starts[-1:]]).int()
