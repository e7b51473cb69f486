"""Losses are sums over labelled tokens, against every path spelled out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from cloudner.model.network.tag_network import TagHead
from cloudner.model.training.loss import crf_loss, token_loss


def crf_head(n_tags: int) -> TagHead:
    torch.manual_seed(4)
    head = TagHead(8, n_tags, crf=True).double()
    for parameter in (head.between, head.start, head.end):
        torch.nn.init.normal_(parameter)
    return head


def by_paths(head: TagHead, scores: torch.Tensor, tags: list[int]) -> torch.Tensor:
    """-log of the weight of all paths that agree with the known tags, over that of all paths."""

    def weight(known: list[int]) -> torch.Tensor:
        total = []
        for path in itertools.product(range(scores.shape[1]), repeat=len(tags)):
            if all(k < 0 or k == p for k, p in zip(known, path, strict=True)):
                s = head.start[path[0]] + head.end[path[-1]]
                s = s + sum(scores[i, p] for i, p in enumerate(path))
                s = s + sum((head.between[a, b] for a, b in itertools.pairwise(path)), torch.tensor(0.0))
                total.append(s)
        return torch.logsumexp(torch.stack(total), 0)

    return weight([-1] * len(tags)) - weight(tags)


@pytest.mark.parametrize("tags", [[0, 1, 2, 2, 0, 1], [0, -1, 2, -1, -1, 1], [-1] * 6])
def test_crf_loss_and_its_gradient(tags):
    head, sizes = crf_head(3), [3, 1, 2]
    scores = torch.randn(
        6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True
    )
    loss = crf_loss(head, scores, torch.tensor(tags), torch.tensor(sizes))
    parts = zip(torch.split(scores, sizes), np.split(np.array(tags), np.cumsum(sizes)[:-1]), strict=True)
    expected = sum(by_paths(head, s, t.tolist()) for s, t in parts)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
    wanted = [scores, head.between, head.start, head.end]
    for a, b in zip(torch.autograd.grad(loss, wanted), torch.autograd.grad(expected, wanted), strict=True):
        torch.testing.assert_close(a, b)
    if max(tags) < 0:
        assert loss.item() == pytest.approx(0, abs=1e-9)


def test_crf_loss_does_not_depend_on_the_batch():
    head = crf_head(3)
    scores = torch.randn(6, 3, dtype=torch.float64)
    tags = torch.tensor([0, 1, 2, 2, 0, 1])
    together = crf_loss(head, scores, tags, torch.tensor([4, 2]))
    apart = crf_loss(head, scores[:4], tags[:4], torch.tensor([4])) + crf_loss(
        head, scores[4:], tags[4:], torch.tensor([2])
    )
    torch.testing.assert_close(together, apart)


def test_token_loss_counts_only_labelled_tokens():
    scores = torch.randn(4, 3)
    tags = torch.tensor([0, -1, 2, 1])
    known = tags >= 0
    expected = -torch.log_softmax(scores, 1)[known, tags[known]].sum()
    torch.testing.assert_close(token_loss(scores, tags), expected)
    assert token_loss(scores, torch.full((4,), -1)).item() == 0
    weight = torch.tensor([0.5, 1.0, 2.0])
    weighted = -(torch.log_softmax(scores, 1)[known, tags[known]] * weight[tags[known]]).sum()
    torch.testing.assert_close(token_loss(scores, tags, weight=weight), weighted)


def test_label_smoothing_spreads_the_target():
    scores = torch.randn(1, 4)
    log = torch.log_softmax(scores, 1)[0]
    expected = -(0.9 * log[2] + 0.1 * log.mean())
    torch.testing.assert_close(token_loss(scores, torch.tensor([2]), smoothing=0.1), expected)
