"""When memory runs out: smaller micro-batches, the same result, said once."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

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

    from cloudner.model.runners import micro_batches

    nlp = tiny.make_nlp(bert)
    alive: list[weakref.ref] = []
    when_freed: list[int] = []

    def fail_once(module, args, output):
        if not alive:
            alive.append(weakref.ref(output))
            raise torch.OutOfMemoryError("after the embeddings")

    nlp.get_pipe("cloudner").model.shims[0].network.encoder.embeddings.register_forward_hook(fail_once)
    free = micro_batches.free_device_memory
    monkeypatch.setattr(
        micro_batches,
        "free_device_memory",
        lambda: (when_freed.append(sum(r() is not None for r in alive)), free()),
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


class NoRoomForStates(TorchFunctionMode):
    """Raises torch's own error where a state of more than `most` numbers is made on the network's device, after `after`
    tensors that fitted."""

    def __init__(self, network, most: int, *, after: int = 0) -> None:
        super().__init__()
        self.device = {id(p) for p in network.parameters()}
        self.most, self.after = most, after
        self.refused = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.zeros_like and id(args[0]) in self.device and args[0].numel() > self.most:
            if self.after <= 0:
                self.refused += 1
                raise torch.OutOfMemoryError("no room for the optimizer's state")
            self.after -= 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_state_that_does_not_fit_steps_in_host_memory(bert, caplog, after):
    """`after` odd: the first of a parameter's two moments fitted and the second did not."""
    plain, tight = tiny.make_nlp(bert), tiny.make_nlp(bert)
    settings = {"eps": 1e-2, "weight_decay": 0.1, "layer_decay": 0.8, "head_factor": 2.0}
    optimizers = tiny.adamw(1e-2, **settings), tiny.adamw(1e-2, **settings)
    network = tight.get_pipe("cloudner").model.shims[0].network
    for nlp in (plain, tight):  # so that the gradient of the embeddings is there already
        nlp.update(tiny.make_examples(nlp, TEXTS), sgd=False)
    for step in range(3):
        for nlp, optimizer in zip((plain, tight), optimizers, strict=True):
            room = (
                NoRoomForStates(network, 1000, after=after) if nlp is tight and step == 0 else nullcontext()
            )
            with room, caplog.at_level(logging.WARNING, "cloudner"):
                nlp.update(tiny.make_examples(nlp, TEXTS), sgd=optimizer)
            if nlp is tight and step == 0:
                assert room.refused > 1
    assert tiny.largest_difference(tiny.weights(plain), tiny.weights(tight)) < 1e-6
    shim = tight.get_pipe("cloudner").model.shims[0]
    large = [p for p in network.parameters() if p.numel() > 1000]
    assert len(large) - after // 2 == sum(p not in shim.step.adamw.state for p in large)
    assert sum("optimizer's state" in r.getMessage() for r in caplog.records) == 1


def test_a_state_fits_once_the_prediction_copy_is_freed(bert, caplog):
    nlp = tiny.make_nlp(bert)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    shim.step.make_room = lambda: setattr(room, "most", 1 << 40)
    room = NoRoomForStates(shim.network, 1000)
    nlp.update(tiny.make_examples(nlp, TEXTS), sgd=False)
    with caplog.at_level(logging.WARNING, "cloudner"), room:
        shim.finish_update(tiny.adamw(1e-3))
    assert room.refused == 1
    taught = [p for p in shim.network.parameters() if p in shim.step.adamw.state]
    assert len(taught) > 10
    assert all(len(shim.step.adamw.state[p]) == 3 for p in taught)
    assert not any("state" in r.getMessage() for r in caplog.records)


@pytest.mark.gpu
def test_a_state_that_does_not_fit_on_a_gpu(bert):
    """A cap just above what gradients take leaves no room for the moments."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    nlp = tiny.make_nlp(bert, device="cuda")
    shim = nlp.get_pipe("cloudner").model.shims[0]
    shim.network.ballast = torch.nn.Parameter(
        torch.zeros(1 << 26, device="cuda")
    )  # 256 MB, and 512 MB of state
    shim.reset()
    shim.network.ballast.grad = torch.ones_like(shim.network.ballast)
    nlp.update(tiny.make_examples(nlp, TEXTS), sgd=False)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (300 << 20)) / total)
    try:
        shim.finish_update(tiny.adamw(1e-3))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert shim.network.ballast not in shim.step.adamw.state
    assert float(shim.network.ballast.detach().float().mean()) == pytest.approx(-1e-3, rel=1e-2)
