"""Gradients of the table of word pieces: summed where they are, zero elsewhere, the step as with dense ones."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

import tiny
from cloudner.model.cpu.sparse_embeddings import RowGradients, sparse_table
from cloudner.model.network.sequences import padded_length
from cloudner.model.runners import own_encoder as tagger

TABLE = "encoder.embeddings.word_embeddings.weight"


@pytest.mark.parametrize("settings", [{}, {"r_drop": 1.0}, {"fgm": 0.5}, {"batch_pieces": 16}])
def test_steps_are_those_of_dense_gradients(bert, settings, monkeypatch):
    """Over steps with other texts, so that rows touched once and then not again are seen too."""
    made = []
    for dense in (False, True):
        if dense:
            monkeypatch.setattr(tagger, "sparse_table", lambda encoder: nullcontext())
        nlp = tiny.make_nlp(bert, **settings)
        optimizer = tiny.adamw(1e-2, eps=1e-2, grad_clip=0.01)
        for texts in (tiny.DATA, tiny.DATA[:1], tiny.DATA[3:], tiny.DATA):
            nlp.update(tiny.make_examples(nlp, texts), sgd=optimizer)
        made.append(tiny.weights(nlp))
    assert tiny.largest_difference(*made) < 1e-6


def test_the_gradients_memory_is_kept_and_zero_again(bert):
    nlp = tiny.make_nlp(bert)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    table = dict(shim.network.named_parameters())[TABLE]
    nlp.update(tiny.make_examples(nlp), sgd=False)
    first = table.grad
    assert first is not None
    assert first.layout == torch.strided
    nonzero = shim.step.rows.nonzero(table)
    assert 0 < len(nonzero) < len(first)
    assert torch.equal(torch.linalg.vector_norm(nonzero), torch.linalg.vector_norm(nonzero[nonzero.any(1)]))
    torch.testing.assert_close(torch.linalg.vector_norm(nonzero), torch.linalg.vector_norm(first))
    shim.finish_update(tiny.adamw(1e-3))
    assert table.grad is None
    assert not first.any()
    nlp.update(tiny.make_examples(nlp), sgd=False)
    assert table.grad is first
    assert not table.is_sparse


def test_a_dense_and_a_sparse_gradient_add_up():
    """A table that is also used elsewhere, as in tied weights."""
    rows = RowGradients()
    table = torch.nn.Parameter(torch.zeros(4, 2))
    table.grad = torch.ones(4, 2)
    rows.add(table, torch.sparse_coo_tensor([[1, 1]], torch.ones(2, 2), (4, 2), check_invariants=True))
    assert table.grad[:, 0].tolist() == [1.0, 3.0, 1.0, 1.0]
    assert rows.nonzero(table) is table.grad
    rows.clear()
    assert table.grad[:, 0].tolist() == [1.0, 3.0, 1.0, 1.0]


def test_a_dense_gradient_after_sparse_ones_is_neither_overlooked_nor_kept(bert, monkeypatch):
    nlp = tiny.make_nlp(bert)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    table = dict(shim.network.named_parameters())[TABLE]
    nlp.update(tiny.make_examples(nlp), sgd=False)
    with monkeypatch.context() as patch:
        patch.setattr(tagger, "sparse_table", lambda encoder: nullcontext())
        nlp.update(tiny.make_examples(nlp, [("other words than those", [(0, 5, "PER")])]), sgd=False)
    whole = table.grad.norm()
    torch.testing.assert_close(shim.step.rows.nonzero(table).norm(), whole)
    shim.step.drop()
    other = tiny.make_nlp(bert)  # of the same weights
    for each in (nlp, other):
        each.update(tiny.make_examples(each, tiny.DATA[2:3]), sgd=False)
    fresh = dict(other.get_pipe("cloudner").model.shims[0].network.named_parameters())[TABLE].grad
    assert fresh.any()
    torch.testing.assert_close(table.grad, fresh)


def test_the_encoder_is_as_it_was(bert):
    nlp = tiny.make_nlp(bert)
    encoder = nlp.get_pipe("cloudner").model.shims[0].network.encoder
    table = encoder.get_input_embeddings()
    with sparse_table(encoder):
        assert table.sparse
    assert not table.sparse


def test_rows_are_padded_where_shapes_cost_code(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr("cloudner.model.network.sequences.cpu_has_bf16", lambda: True)
    assert [padded_length(n, 514, cpu) for n in (3, 4, 5, 512, 513, 514)] == [4, 4, 8, 512, 514, 514]
    assert [padded_length(n, 510, torch.device("cuda")) for n in (5, 9, 509)] == [8, 16, 510]  # in eights
    monkeypatch.setattr("cloudner.model.network.sequences.cpu_has_bf16", lambda: False)
    assert padded_length(5, 512, cpu) == 5
