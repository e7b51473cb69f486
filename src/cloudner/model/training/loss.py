"""Training losses: sums over labelled tokens, so that the division is done once per step."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from cloudner.model.network.tag_network import TagHead


def token_loss(
    scores: torch.Tensor, tags: torch.Tensor, *, smoothing: float = 0.0, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Summed cross-entropy of (tokens, tags) scores; tags of -1 are not labelled and do not count."""
    return F.cross_entropy(
        scores, tags, weight=weight, ignore_index=-1, reduction="sum", label_smoothing=smoothing
    )


def symmetric_kl(one: torch.Tensor, other: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Half of KL(p, q) + KL(q, p) of the tag distributions of two (tokens, tags) scores, summed over the tokens
    whose tag is known, as in R-Drop (Liang et al., 2021)."""
    p, q = F.log_softmax(one, dim=1), F.log_softmax(other, dim=1)
    each = ((p.exp() - q.exp()) * (p - q)).sum(dim=1)
    return (each * (tags >= 0)).sum() / 2


def crf_loss(head: TagHead, scores: torch.Tensor, tags: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Summed negative log-likelihood of a linear-chain CRF (Lafferty et al., 2001).

    scores: (tokens, tags); sizes: (sequences,) their tokens, on the host. A missing tag (-1) is summed over: the
    likelihood is that of all paths that agree with what is known. Sequences must have at least one token.
    """
    longest, n_tags = int(sizes.max()), scores.shape[1]
    if scores.device.type == "cuda":
        sizes = sizes.pin_memory()  # else the copy waits for the device
    sizes = sizes.to(scores.device, non_blocking=True)
    ends = torch.cumsum(sizes, 0)
    steps = torch.arange(longest, device=scores.device)
    real = steps[None, :] < sizes[:, None]
    index = (ends - sizes)[:, None] + torch.minimum(steps[None, :], sizes[:, None] - 1)
    padded, gold = scores[index], tags[index]
    # Known tokens allow one tag, missing ones all.
    allowed = F.one_hot(gold.clamp(min=0), n_tags).bool() | (gold < 0)[:, :, None]
    constrained = padded.masked_fill(~allowed, -1e9)
    # One loop over time for both.
    both = _log_partition(head, torch.cat([padded, constrained]), torch.cat([real, real]))
    return (both[: len(sizes)] - both[len(sizes) :]).sum().view(())


def _log_partition(head: TagHead, scores: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    alpha = head.start + scores[:, 0]
    for t in range(1, scores.shape[1]):
        moved = torch.logsumexp(alpha[:, :, None] + head.between, dim=1) + scores[:, t]
        alpha = torch.where(real[:, t, None], moved, alpha)
    return torch.logsumexp(alpha + head.end, dim=1)
