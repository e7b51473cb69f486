"""The torch module: an encoder, what it adds to it, and the scores of tags it gives for tokens."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from cloudner.errors import ConfigError
from cloudner.model.network.batch import Sequences
from cloudner.model.network.masks import attention_mask, hidden_states
from cloudner.pieces.tokenizer import N_CASES

# How far ahead O starts, over the square root of the vectors' width.
_O_AHEAD = 0.17
POOLINGS = ("first", "mean", "max")
HEADS = ("softmax", "crf")


class TagHead(nn.Module):
    """(tokens, width) vectors to (tokens, tags) scores, with a CRF's transitions where asked for."""

    def __init__(self, width: int, n_tags: int, *, crf: bool) -> None:
        super().__init__()
        self.width = width
        self.dropout = nn.Dropout(0.0)  # its rate is [training] dropout, set at each update
        self.linear = nn.Linear(width, n_tags)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            # What has learned nothing finds nothing. The vectors end in a layer norm, so that a score's deviation is 0.02
            # times the square root of their width: this is more than eight of them, for every token and tag.
            self.linear.bias[0] = _O_AHEAD * math.sqrt(width)
        self.crf = crf
        if crf:
            self.between = nn.Parameter(torch.zeros(n_tags, n_tags))
            self.start = nn.Parameter(torch.zeros(n_tags))
            self.end = nn.Parameter(torch.zeros(n_tags))

    def forward(self, vectors: torch.Tensor, batch: Sequences | None = None) -> torch.Tensor:
        return self.linear(self.dropout(vectors))

    def resize(self, old_tags: list[str], new_tags: list[str]) -> None:
        """Set other tags; tags in both sets keep their weights."""
        kept = [(new_tags.index(tag), i) for i, tag in enumerate(old_tags) if tag in new_tags]
        fresh = TagHead(self.width, len(new_tags), crf=self.crf).to(self.linear.weight.device)
        with torch.no_grad():
            new, old = [k[0] for k in kept], [k[1] for k in kept]
            fresh.linear.weight[new] = self.linear.weight[old]
            fresh.linear.bias[new] = self.linear.bias[old]
            if self.crf:
                fresh.start[new], fresh.end[new] = self.start[old], self.end[old]
                fresh.between[torch.tensor(new)[:, None], torch.tensor(new)] = self.between[
                    torch.tensor(old)[:, None], torch.tensor(old)
                ]
        self.linear = fresh.linear
        if self.crf:
            self.between, self.start, self.end = fresh.between, fresh.start, fresh.end


class TagNetwork(nn.Module):
    """A network that ends in a `TagHead`; by itself that head on vectors another component makes."""

    def __init__(self, width: int, n_tags: int, *, head: str) -> None:
        super().__init__()
        if head not in HEADS:
            raise ConfigError(f"head = {head!r}", expected=", ".join(HEADS))
        self.width = width
        self.head: Any = TagHead(width, n_tags, crf=head == "crf")


class Network(TagNetwork):
    """Encoder and head. `forward` gives (tokens, tags) fp32 scores.

    case_features: add a learned vector of how each word is written to its pieces' embeddings. It starts at zero,
    so the pretrained encoder starts unchanged; it gives an uncased encoder the case it was trained without.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_tags: int,
        *,
        pooling: str = "first",
        head: str = "softmax",
        case_features: bool = False,
    ) -> None:
        if pooling not in POOLINGS:
            raise ConfigError(f"pooling = {pooling!r}", expected=", ".join(POOLINGS))
        config: Any = encoder.config
        super().__init__(int(getattr(config, "hidden_size", 0) or config.dim), n_tags, head=head)
        self.encoder = encoder
        self.pooling = pooling
        self.cases: nn.Embedding | None = None
        if case_features:
            table = encoder.get_input_embeddings()  # type: ignore[operator]
            self.cases = nn.Embedding(N_CASES, table.embedding_dim)
            nn.init.zeros_(self.cases.weight)

    def forward(self, batch: Sequences) -> torch.Tensor:
        return self.head(self.token_vectors(batch), batch).float()

    def token_vectors(self, batch: Sequences) -> torch.Tensor:
        """(tokens, width)."""
        pieces = self.piece_vectors(batch)
        if self.pooling == "first" or batch.token_count is None:
            return pieces.index_select(0, batch.token_first)
        return self._pooled(pieces, batch)

    def piece_vectors(self, batch: Sequences) -> torch.Tensor:
        """(sequences * length, width)."""
        mask = attention_mask(self.encoder, batch)
        return encode(self.encoder, self.cases, batch.ids, mask, batch.cases).flatten(0, 1)

    def _pooled(self, pieces: torch.Tensor, batch: Sequences) -> torch.Tensor:
        first, count = batch.token_first, batch.token_count
        assert count is not None
        # Without its size the host would wait for the sum of the counts.
        token = torch.repeat_interleave(
            torch.arange(len(first), device=first.device), count, output_size=batch.n_pieces
        )
        ends = torch.cumsum(count, 0)
        within = torch.arange(len(token), device=first.device) - (ends - count)[token]
        rows = pieces.index_select(0, first[token] + within)
        out = rows.new_zeros(len(first), rows.shape[1])
        if self.pooling == "mean":
            return out.index_add(0, token, rows) / count[:, None].to(rows.dtype)
        return out.index_reduce(0, token, rows, "amax", include_self=False)

    def freeze(self, layers: int, *, embeddings: bool) -> None:
        """Leave the first `layers` layers (and, with any of them, the embeddings) as they were pretrained."""
        blocks = encoder_layers(self.encoder)
        if layers > len(blocks):
            raise ConfigError(
                f"freeze_layers = {layers}", expected=f"at most {len(blocks)}, the encoder's layers"
            )
        if layers < 0:
            raise ConfigError(f"freeze_layers = {layers}", expected="0 or more")
        if layers or embeddings:
            inside = {id(p) for block in blocks for p in block.parameters()}
            for parameter in self.encoder.parameters():
                if id(parameter) not in inside:
                    parameter.requires_grad_(False)
        for block in blocks[:layers]:
            block.requires_grad_(False)


def encode(
    encoder: nn.Module,
    case_table: nn.Embedding | None,
    ids: torch.Tensor,
    mask: Any,
    cases: torch.Tensor | None,
) -> torch.Tensor:
    """(sequences, length, width) of the encoder's last layer; ids, cases: (sequences, length) int64; mask: as
    `attention_mask` gives it. With a `case_table` its vectors are added to the pieces' embeddings."""
    if case_table is None:
        return hidden_states(encoder, ids, None, mask)
    table = encoder.get_input_embeddings()  # type: ignore[operator]
    return hidden_states(encoder, None, table(ids) + case_table(cases), mask)


def first_layer(encoder: nn.Module) -> nn.Module | None:
    """The layer at the input, where there are several: int8 copies keep it as it is, since quantising it loses most
    (docs/choices.md)."""
    layers = encoder_layers(encoder)
    return layers[0] if len(layers) > 1 else None


def encoder_layers(encoder: nn.Module) -> list[nn.Module]:
    """The encoder's transformer layers from the input up: its longest list of modules."""
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        return []
    longest = max(lists, key=len)
    return list(longest)
