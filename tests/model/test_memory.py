"""When memory runs out: smaller micro-batches, the same result, said once."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

import tiny

TEXTS = tiny.DATA * 4


def limit(network, most: int) -> list[int]:
    """Raises torch's own error where the encoder is given more than `most` pieces at once; returns sizes tried."""
    tried: list[int] = []

    def check(module, args, kwargs):
        n = (kwargs["input_ids"] if "input_ids" in kwargs else kwargs["inputs_embeds"][..., 0]).numel()
        tried.append(n)
        if n > most:
            raise torch.OutOfMemoryError(f"no room for {n} pieces")

    network.encoder.register_forward_pre_hook(check, with_kwargs=True)
    return tried


def test_training_goes_on_in_smaller_micro_batches(bert, caplog):
    plain, tight = tiny.make_nlp(bert), tiny.make_nlp(bert)
    tried = limit(tight.get_pipe("cloudner").model.shims[0].network, 60)
    with caplog.at_level(logging.WARNING, "cloudner"):
        for nlp in (plain, tight):
            nlp.update(tiny.make_examples(nlp, TEXTS), sgd=tiny.adamw(1e-3, eps=1e-2))
    assert max(tried) > 60
    assert tiny.largest_difference(tiny.weights(plain), tiny.weights(tight)) < 1e-6
    warnings = [r.getMessage() for r in caplog.records if "Out of memory" in r.getMessage()]
    assert len(warnings) == 1
    assert "batch_pieces" in warnings[0]
    tried.clear()  # what was learned is kept
    tight.update(tiny.make_examples(tight, TEXTS), sgd=tiny.adamw(1e-3))
    assert tried
    assert max(tried) <= 60


def test_prediction_goes_on_in_smaller_micro_batches(trained, caplog):
    texts = [text for text, _ in TEXTS]
    expected = [tiny.ents(doc) for doc in trained.pipe(texts)]
    assert any(expected)
    pipe = trained.get_pipe("cloudner")
    scores = pipe.model.predict([trained.make_doc(t) for t in texts]).scores
    pipe.model.shims[0].forget_predictor()
    tried = limit(pipe.model.shims[0].network, 60)
    with caplog.at_level(logging.WARNING, "cloudner"):
        assert [tiny.ents(doc) for doc in trained.pipe(texts)] == expected
        again = pipe.model.predict([trained.make_doc(t) for t in texts]).scores
    np.testing.assert_allclose(again, scores, atol=1e-5)
    assert len([r for r in caplog.records if "Out of memory" in r.getMessage()]) == 1
    assert max(tried) > 60
    tried.clear()
    list(trained.pipe(texts))
    assert max(tried) <= 60


def test_running_out_in_the_backward_pass_adds_no_gradient_twice(bert):
    plain, tight = tiny.make_nlp(bert), tiny.make_nlp(bert)
    network = tight.get_pipe("cloudner").model.shims[0].network
    failed = []

    def once(module, args, output):
        def fail(gradient):
            if not failed:
                failed.append(True)
                raise torch.OutOfMemoryError("in the middle of the backward pass")
            return gradient

        hidden = output if isinstance(output, torch.Tensor) else output[0]  # of transformers 5, and of 4
        if hidden.requires_grad:
            hidden.register_hook(fail)

    network.encoder.encoder.layer[0].register_forward_hook(once)
    for nlp in (plain, tight):
        nlp.update(tiny.make_examples(nlp, TEXTS), sgd=tiny.adamw(1e-3, eps=1e-2))
    assert failed
    assert tiny.largest_difference(tiny.weights(plain), tiny.weights(tight)) < 1e-6


def test_what_a_failed_pass_had_allocated_is_let_go_first(bert, monkeypatch):
    import weakref

    from cloudner.model import tagger

    nlp = tiny.make_nlp(bert)
    alive: list[weakref.ref] = []
    when_freed: list[int] = []

    def fail_once(module, args, output):
        if not alive:
            alive.append(weakref.ref(output))
            raise torch.OutOfMemoryError("after the embeddings")

    nlp.get_pipe("cloudner").model.shims[0].network.encoder.embeddings.register_forward_hook(fail_once)
    free = tagger._free_memory
    monkeypatch.setattr(
        tagger, "_free_memory", lambda: (when_freed.append(sum(r() is not None for r in alive)), free())
    )
    nlp.update(tiny.make_examples(nlp, TEXTS), sgd=tiny.adamw())
    assert alive
    assert when_freed == [0]


def test_one_sequence_that_does_not_fit_is_an_error(bert):
    nlp = tiny.make_nlp(bert)
    before = tiny.weights(nlp)
    limit(nlp.get_pipe("cloudner").model.shims[0].network, 3)
    with pytest.raises(torch.OutOfMemoryError):
        nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw())
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
