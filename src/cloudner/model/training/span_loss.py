"""The loss of spans: summed over sequences and labels, so that the division is done once per step."""

from __future__ import annotations

import torch
import torch.nn.functional as F

# In place of a score that does not count: its exponential is 0, and unlike infinity its gradient is too.
_NEVER = -1e9


def span_loss(scores: torch.Tensor, gold: torch.Tensor, spans: torch.Tensor) -> torch.Tensor:
    """Summed multi-label cross-entropy (Su et al., 2022, "ZLPR: A Novel Loss for Multi-label Classification"): for each
    sequence and label log(1 + sum exp(score)) over the spans that are not there plus log(1 + sum exp(-score)) over those
    that are.

    scores: (sequences, labels, start, end) fp32. gold: (spans that are there,) int64, each once, into `scores` flattened.
    spans: (sequences, start, end) bool, those that count: neither padding nor unknown. Gold ones count in any case.
    """
    rows, labels = scores.shape[:2]
    absent = scores.masked_fill(~spans[:, None], _NEVER).view(-1)
    absent = absent.index_fill_(0, gold, _NEVER).view(rows * labels, -1)
    of_absent = F.softplus(torch.logsumexp(absent, dim=1))
    below = -scores.reshape(-1)[gold]
    group = torch.div(gold, scores.shape[2] * scores.shape[3], rounding_mode="floor")
    # The largest, or the 0 that stands for 1, is taken out before the exponential.
    most = scores.new_zeros(rows * labels).scatter_reduce(0, group, below.detach(), "amax")
    total = torch.exp(-most).index_add(0, group, torch.exp(below - most[group]))
    return (of_absent + most + torch.log(total)).sum()
