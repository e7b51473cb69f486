"""Scores of spans: EfficientGlobalPointer (Su et al., 2022, "Global Pointer: Novel Efficient Span-based Approach for Named
Entity Recognition")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cloudner.model.network.batch import Sequences
from cloudner.model.network.tag_network import Network

# Where each of the two biases of a label starts: a span's score is then -6, so that what has learned nothing finds nothing,
# and the 400 spans of a sentence of 28 tokens weigh together as much as one that is there.
_BELOW = -3.0
# And of a label that is added to others: where those are, their common part is large by then.
_FAR_BELOW = -12.0


@dataclass(slots=True)
class SpanSequences(Sequences):
    """A micro-batch whose tokens are also laid out by sequence, `longest` to each.

    slots: (tokens,) int64 place of each token, `longest` * sequence + position in it.
    owned, sizes: (sequences,) int64 tokens in which a span of the sequence may begin, and in which it may end.
    """

    slots: torch.Tensor = None  # type: ignore[assignment]
    owned: torch.Tensor = None  # type: ignore[assignment]
    sizes: torch.Tensor = None  # type: ignore[assignment]
    longest: int = 0

    def spans(self) -> torch.Tensor:
        """(sequences, longest, longest) bool: is there a span from this token to that one (both inside)?"""
        place = torch.arange(self.longest, device=self.slots.device)
        begins = place[None, :, None] < self.owned[:, None, None]
        ends = place[None, None, :] < self.sizes[:, None, None]
        return begins & ends & (place[:, None] <= place[None, :])


class SpanHead(nn.Module):
    """(tokens, width) vectors to (sequences, labels, start, end) scores; 0 is as likely as not.

    A span's score is the product of its first token's and its last token's vectors (of `size`, the same for all labels,
    turned by their positions), which says whether there is a span, plus two numbers for each label, from the vectors of the
    two tokens, which say of what kind.
    """

    crf = False

    def __init__(self, width: int, n_labels: int, size: int) -> None:
        super().__init__()
        self.width, self.n_labels, self.size = width, n_labels, size
        self.dropout = nn.Dropout(0.0)  # its rate is [training] dropout, set at each update
        self.pointer = nn.Linear(width, 2 * size)
        self.labels = nn.Linear(width, 2 * n_labels)
        for linear in (self.pointer, self.labels):
            nn.init.normal_(linear.weight, std=0.02)
        nn.init.zeros_(self.pointer.bias)
        nn.init.constant_(self.labels.bias, _BELOW)

    def forward(self, vectors: torch.Tensor, batch: SpanSequences) -> torch.Tensor:
        vectors = self.dropout(vectors)
        flat = torch.cat([self.pointer(vectors), self.labels(vectors)], dim=1)
        flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
        rows, longest = len(batch.sizes), batch.longest
        table = flat.new_zeros(rows * longest, flat.shape[1]).index_copy(0, batch.slots, flat)
        parts = [self.size, self.size, self.n_labels, self.n_labels]
        first, last, begin, end = table.view(rows, longest, -1).split(parts, dim=2)
        with torch.autocast(flat.device.type, enabled=False):
            inside = rotated(first) @ rotated(last).transpose(1, 2) / math.sqrt(self.size)
        begin, end = begin.transpose(1, 2)[:, :, :, None], end.transpose(1, 2)[:, :, None, :]
        return inside[:, None] + begin + end

    def resize(self, old_labels: list[str], new_labels: list[str]) -> None:
        """Set other labels; labels in both lists keep their weights, new ones find nothing yet."""
        kept = [(new_labels.index(label), i) for i, label in enumerate(old_labels) if label in new_labels]
        fresh = SpanHead(self.width, len(new_labels), self.size).to(self.labels.weight.device)
        new, old = torch.tensor([k[0] for k in kept]), torch.tensor([k[1] for k in kept])
        new, old = torch.cat([new, new + len(new_labels)]), torch.cat([old, old + len(old_labels)])
        with torch.no_grad():
            fresh.labels.bias.fill_(_FAR_BELOW if kept else _BELOW)
            if kept:
                fresh.labels.weight[new] = self.labels.weight[old]
                fresh.labels.bias[new] = self.labels.bias[old]
        self.labels, self.n_labels = fresh.labels, len(new_labels)


def rotated(vectors: torch.Tensor) -> torch.Tensor:
    """(sequences, positions, size) turned by their positions, so that a product depends on the distance of two (Su et
    al., 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding")."""
    half = vectors.shape[2] // 2
    position = torch.arange(vectors.shape[1], device=vectors.device, dtype=vectors.dtype)
    speed = 10_000.0 ** (-torch.arange(half, device=vectors.device, dtype=vectors.dtype) / half)
    angle = position[:, None] * speed
    cos, sin = angle.cos(), angle.sin()
    one, other = vectors[..., :half], vectors[..., half:]
    return torch.cat([one * cos - other * sin, other * cos + one * sin], dim=2)


class SpanNetwork(Network):
    """Encoder and span head. `forward` gives (sequences, labels, start, end) fp32 scores of a `SpanSequences`; what is no
    span (`SpanSequences.spans`) has a score that means nothing."""

    def __init__(
        self,
        encoder: nn.Module,
        n_labels: int,
        *,
        size: int,
        pooling: str = "first",
        case_features: bool = False,
    ) -> None:
        super().__init__(encoder, 1, pooling=pooling, case_features=case_features)
        self.head: Any = SpanHead(self.width, n_labels, size)
