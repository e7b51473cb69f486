"""The span head and its loss: gradients, what they equal written out, positions, micro-batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import spans
import tiny
from cloudner.errors import ConfigError
from cloudner.hardware.planning.memory import budget_per_piece
from cloudner.model.network.span_head import SpanHead, SpanSequences, rotated
from cloudner.model.training.span_loss import span_loss

SIZES, OWNED = [4, 3], [3, 3]  # the last token of the first sequence is context


def batch() -> SpanSequences:
    longest = max(SIZES)
    slots = [row * longest + i for row, size in enumerate(SIZES) for i in range(size)]
    return SpanSequences(
        ids=torch.zeros(2, longest, dtype=torch.long),
        lengths=None,
        token_first=torch.tensor(slots),
        slots=torch.tensor(slots),
        owned=torch.tensor(OWNED),
        sizes=torch.tensor(SIZES),
        longest=longest,
    )


def head(dtype: torch.dtype = torch.float64) -> SpanHead:
    torch.manual_seed(1)
    made = SpanHead(6, 2, 4).to(dtype)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def test_which_spans_there_are():
    inside = batch().spans()
    expected = {(0, s, e) for s in range(3) for e in range(s, 4)} | {
        (1, s, e) for s in range(3) for e in range(s, 3)
    }
    assert set(map(tuple, torch.nonzero(inside).tolist())) == expected


def test_scores_are_those_of_the_formula():
    made, vectors = head(), torch.randn(7, 6, dtype=torch.float64)
    scores = made(vectors, batch())
    assert scores.shape == (2, 2, 4, 4)
    first, last = made.pointer(vectors).split(4, dim=1)
    begin, end = made.labels(vectors).split(2, dim=1)
    for row, offset in ((0, 0), (1, 4)):
        q, k = (rotated(part[None, offset : offset + SIZES[row]])[0] for part in (first, last))
        for s in range(OWNED[row]):
            for e in range(s, SIZES[row]):
                expected = q[s] @ k[e] / 2 + begin[offset + s] + end[offset + e]
                assert torch.allclose(scores[row, :, s, e], expected)


def test_positions_count_by_their_distance():
    q, k = torch.randn(8).double(), torch.randn(8).double()
    table = rotated(q.expand(1, 9, 8))[0] @ rotated(k.expand(1, 9, 8))[0].T
    for distance in range(8):
        diagonal = table.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal))
    assert not torch.allclose(table[0, 1], table[0, 2])
    assert torch.allclose(table[0, 0], q @ k)


def written_out(scores, gold, spans):
    """The loss by its definition, one sequence and label at a time."""
    total = 0.0
    there = set(gold)
    for row in range(scores.shape[0]):
        for label in range(scores.shape[1]):
            absent, present = 0.0, 0.0
            for s in range(scores.shape[2]):
                for e in range(scores.shape[3]):
                    if (row, label, s, e) in there:
                        present += math.exp(-float(scores[row, label, s, e]))
                    elif spans[row, s, e]:
                        absent += math.exp(float(scores[row, label, s, e]))
            total += math.log1p(absent) + math.log1p(present)
    return total


GOLD = [(0, 0, 0, 3), (0, 0, 1, 2), (0, 1, 1, 2), (1, 1, 2, 2)]


def index(gold, shape):
    return (
        torch.tensor(np.ravel_multi_index(np.array(gold).T, shape))
        if gold
        else torch.zeros(0, dtype=torch.long)
    )


@pytest.mark.parametrize("gold", [GOLD, []], ids=["nested", "none"])
def test_the_loss_is_that_of_the_definition(gold):
    scores = head()(torch.randn(7, 6, dtype=torch.float64), batch()).detach()
    loss = span_loss(scores, index(gold, scores.shape), batch().spans())
    assert float(loss) == pytest.approx(written_out(scores, gold, batch().spans()), rel=1e-9)


def test_gradients_equal_finite_differences():
    made = head()
    gold, inside = index(GOLD, (2, 2, 4, 4)), batch().spans()
    names = [name for name, _ in made.named_parameters()]

    def loss(vectors, *parameters):
        scores = torch.func.functional_call(
            made, dict(zip(names, parameters, strict=True)), (vectors, batch())
        )
        return span_loss(scores, gold, inside)

    inputs = [torch.randn(7, 6, dtype=torch.float64, requires_grad=True)]
    inputs += [p.detach().clone().requires_grad_() for p in made.parameters()]
    assert torch.autograd.gradcheck(loss, inputs)


def test_large_scores_do_not_overflow():
    scores = torch.full((1, 1, 2, 2), 1e4, requires_grad=True)
    loss = span_loss(
        scores * torch.tensor([[[[-1.0, 1.0], [1.0, -1.0]]]]), torch.tensor([0]), torch.ones(1, 2, 2).bool()
    )
    (gradient,) = torch.autograd.grad(loss, scores)
    # One that is there at -10,000; of three that are not, two at 10,000.
    assert loss.item() == pytest.approx(2e4 + math.log(2), rel=1e-7)
    assert torch.isfinite(gradient).all()


def gradients(nlp, examples, **settings):
    """Accumulated, not yet divided."""
    pipe = nlp.get_pipe("cloudner_spans")
    for name, value in settings.items():
        setattr(pipe.model.shims[0].runner.settings, name, value)
    losses: dict[str, float] = {}
    pipe.update(examples, losses=losses)
    step = pipe.model.shims[0].step
    made = {name: p.grad.clone() for name, p in step.network.named_parameters() if p.grad is not None}
    step.drop()
    return made, losses["cloudner_spans"]


def test_the_gradient_does_not_depend_on_the_micro_batches(bert):
    nlp = spans.make_nlp(bert)
    together, loss = gradients(nlp, spans.gold(nlp))
    apart, other = gradients(nlp, spans.gold(nlp), batch_pieces=8)
    assert loss == pytest.approx(other, rel=1e-5)
    assert together.keys() == apart.keys()
    for name, value in together.items():
        assert torch.allclose(value, apart[name], atol=1e-5, rtol=1e-4), name


def test_long_sequences_and_many_labels_cost_more_of_the_budget(bert):
    nlp = spans.make_nlp(bert)
    runner = nlp.get_pipe("cloudner_spans").model.shims[0].runner
    costs = runner._costs(np.array([40, 512]), "train")
    assert costs.tolist() == [40 + 40 * 40 * 3 // 8192, 512 + 512 * 512 * 3 // 8192]
    # `recommend` and `plan` count so, too.
    assert [int(n * budget_per_piece(n, 3)) for n in (40, 512)] == costs.tolist()
    costs = runner._costs(np.array([512]), "predict")
    assert [int(512 * budget_per_piece(512, 3, "predict"))] == costs.tolist()


def test_graphs_are_refused_with_a_reason(bert):
    nlp = spans.make_nlp(bert)
    runner = nlp.get_pipe("cloudner_spans").model.shims[0].runner
    assert runner.paths.unfit() == "not with head = global_pointer"
    assert nlp.get_pipe("cloudner_spans").fast_report() == []


def test_frozen_layers_and_fgm(bert):
    nlp = spans.make_nlp(bert, freeze_layers=1, fgm=0.5)
    before = tiny.weights(nlp, "cloudner_spans")
    nlp.update(spans.gold(nlp), sgd=tiny.adamw(1e-3))
    after = tiny.weights(nlp, "cloudner_spans")
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not [name for name in moved if ".layer.0." in name or "embeddings" in name]
    assert {"head.pointer.weight", "head.labels.weight"} <= moved
    assert [name for name in moved if ".layer.1." in name]


@pytest.mark.parametrize("size", [0, 5])
def test_a_head_size_that_cannot_be(bert, size):
    with pytest.raises(ConfigError, match="head_size"):
        spans.make_nlp(bert, head_size=size)
