"""Padding masks in the form that a family of encoders takes as it is.

Given a (sequences, length) mask, transformers reads it back to the host in every forward pass, to leave it out where
nothing is padded. On a GPU that is a wait, and a CUDA graph cannot hold it. Here the mask is made on the device in
the form that transformers would make of it, which it then hands on unread.
"""

from __future__ import annotations

import functools
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from cloudner.model.network.batch import Sequences

# transformers 5: an additive (sequences, 1, 1, length) mask is handed on to the attention unchanged.
_ADDITIVE = {"albert", "bert", "camembert", "data2vec-text", "distilbert", "electra", "ernie", "mpnet", "roberta",
             "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl"}  # fmt: skip
# transformers 4: a (sequences, 1, length) mask is made additive without a look at it. These alone read a
# two-dimensional one; ELECTRA and MPNet do not.
_THREE = {"bert", "camembert", "roberta", "xlm-roberta"}
# transformers 4: no form of the argument goes unread, so their parts are called one by one.
_PARTS = {"albert", "distilbert"}


def attention_mask(encoder: nn.Module, batch: Sequences) -> Any:
    """What to give `encoder` as `attention_mask`: on a CPU the usual (sequences, length) int64, or None where nothing
    is padded; on a GPU what its family takes unread."""
    if batch.ids.device.type == "cpu":
        return batch.mask()
    form = _form(encoder.config)
    if form == "usual":
        mask = batch.mask()
        return torch.ones_like(batch.ids) if mask is None and _major() < 5 else mask
    if form == "three":
        mask = batch.mask()
        return (torch.ones_like(batch.ids) if mask is None else mask)[:, None, :]
    if batch.lengths is None and form != "parts":
        return None if form == "additive" else _both_spans(encoder, batch)
    if form == "spans":
        return _both_spans(encoder, batch)
    return None if batch.lengths is None else _additive(batch.real()[:, None, None, :], _dtype(encoder))


def hidden_states(encoder: Any, ids: Any, embeddings: Any, mask: Any) -> torch.Tensor:
    """(sequences, length, width) of the encoder's last layer, from ids or, where they are None, from embeddings."""
    source = {"input_ids": ids} if embeddings is None else {"inputs_embeds": embeddings}
    device = (ids if embeddings is None else embeddings).device
    if device.type != "cpu" and _form(encoder.config) == "parts":
        heads = [None] * encoder.config.num_hidden_layers
        if encoder.config.model_type == "distilbert":
            inner = encoder.embeddings(ids, embeddings)
            done = encoder.transformer(x=inner, attn_mask=mask, head_mask=heads, return_dict=True)
        else:
            inner = encoder.embeddings(**source)
            done = encoder.encoder(inner, mask, head_mask=heads, return_dict=True)
        return done.last_hidden_state
    return encoder(**source, attention_mask=mask, return_dict=True).last_hidden_state


def _form(config: Any) -> str:
    """additive, three, spans, parts or usual: see the tables above."""
    kind, attention = config.model_type, getattr(config, "_attn_implementation", "eager")
    if getattr(config, "position_embedding_type", "absolute") != "absolute" and _major() < 5:
        return "usual"
    if _major() >= 5:
        if attention not in ("sdpa", "eager"):
            return "usual"
        return "additive" if kind in _ADDITIVE else "spans" if kind == "modernbert" else "usual"
    if attention != "sdpa":
        return "usual"
    return "three" if kind in _THREE else "parts" if kind in _PARTS else "usual"


def _both_spans(encoder: Any, batch: Sequences) -> dict[str, torch.Tensor | None]:
    """ModernBERT's two masks: every piece of the sequence, and those at most half of `local_attention` away."""
    dtype, length = _dtype(encoder), batch.ids.shape[1]
    reach = encoder.config.local_attention // 2
    position = torch.arange(length, device=batch.ids.device)
    near = (position[:, None] - position).abs() <= reach
    if batch.lengths is None:
        return {
            "full_attention": None,
            "sliding_attention": None if length <= reach else _additive(near[None, None], dtype),
        }
    real = batch.real()[:, None, None, :]
    # A padded row whose window holds padding alone must still attend to something.
    itself = (position[:, None] == position)[None, None]
    return {
        "full_attention": _additive(real, dtype),
        "sliding_attention": _additive((real & near) | itself, dtype),
    }


def _additive(attend: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where `attend`, else the lowest number of this type."""
    return torch.zeros(attend.shape, dtype=dtype, device=attend.device).masked_fill_(
        ~attend, torch.finfo(dtype).min
    )


def _dtype(encoder: nn.Module) -> torch.dtype:
    """The type that attention is computed in."""
    if torch.is_autocast_enabled("cuda"):
        return torch.get_autocast_dtype("cuda")
    return next(encoder.parameters()).dtype


@functools.cache
def _major() -> int:
    """Of the installed transformers."""
    return int(version("transformers").partition(".")[0])
