"""Training passes as CUDA graphs: chosen when they prove themselves, and equal to plain passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny
from cloudner.errors import ConfigError, NonFiniteLossError
from cloudner.model.training.graphs import rounded

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def batches(nlp, count, seed=0):
    """Batches of sentences of many lengths."""
    random = np.random.default_rng(seed)
    names = ["Marie Curie", "Ada Lovelace", "Angela Merkel"]
    for _ in range(count):
        data = []
        for _ in range(8):
            before = "he went on " * int(random.integers(0, 6))
            name = names[int(random.integers(3))]
            text = f"{before}{name} lived in Paris."
            end = len(before) + len(name)
            data.append((text, [(len(before), end, "PER"), (end + 10, end + 15, "LOC")]))
        yield tiny.make_examples(nlp, data)


def train(nlp, count, **kwargs):
    optimizer = tiny.adamw(1e-3)
    return [float(nlp.update(batch, sgd=optimizer, **kwargs)["cloudner"]) for batch in batches(nlp, count)]


def gpu_weights(nlp):
    network = nlp.get_pipe("cloudner").model.shims[0].network
    return {key: value.detach().float().cpu().numpy() for key, value in network.state_dict().items()}


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "modernbert"])
def test_they_train_as_plain_passes_do(encoder_folder, family, precision):
    made = {}
    for fast in ("off", ["graphs"]):
        nlp = tiny.make_nlp(encoder_folder(family), device="cuda", mixed_precision=precision, fast=fast)
        made[str(fast)] = train(nlp, 60), gpu_weights(nlp), nlp.get_pipe("cloudner").fast_report()
    losses, weights, report = made["['graphs']"]
    assert [row["used"] for row in report] == [True], report
    plain_losses, plain_weights, _ = made["off"]
    assert losses[-1] < losses[0] / 2
    np.testing.assert_allclose(losses, plain_losses, rtol=0.02 if precision == "fp32" else 0.2, atol=2e-2)
    if precision == "fp32":
        assert tiny.largest_difference(weights, plain_weights) < 0.02


@pytest.mark.gpu
@GPU
def test_dropout_is_drawn_anew_and_evaluation_between_steps_changes_nothing(bert):
    nlp = tiny.make_nlp(bert, device="cuda", mixed_precision="bf16", fast=["graphs"], dropout=0.3)
    pipe = nlp.get_pipe("cloudner")
    train(nlp, 30, drop=0.3)
    assert [row["used"] for row in pipe.fast_report()] == [True]
    (batch,) = batches(nlp, 1)
    optimizer = tiny.adamw(1e-9)
    losses = set()
    for _ in range(6):
        losses.add(float(nlp.update(batch, sgd=optimizer, drop=0.3)["cloudner"]))
        list(nlp.pipe([eg.text for eg in batch]))
    assert len(losses) > 3


@pytest.mark.gpu
@GPU
def test_a_step_that_is_not_finite_changes_no_weight(bert):
    nlp = tiny.make_nlp(bert, device="cuda", mixed_precision="bf16", fast=["graphs"])
    pipe = nlp.get_pipe("cloudner")
    pipe.read_late()
    optimizer = tiny.adamw(1e-3)
    stream = list(batches(nlp, 40))
    for batch in stream:
        nlp.update(batch, sgd=optimizer)
    assert [row["used"] for row in pipe.fast_report()] == [True]
    shim = pipe.model.shims[0]
    shim.settle()
    before = gpu_weights(nlp)
    steps = shim.step.steps
    with torch.no_grad():
        shim.network.head.linear.bias.fill_(float("nan"))
    nlp.update(stream[0], sgd=optimizer)  # launched, and not yet read
    with pytest.raises(NonFiniteLossError, match=f"step {steps}: "):
        nlp.update(stream[1], sgd=optimizer)
    after = gpu_weights(nlp)
    del before["head.linear.bias"], after["head.linear.bias"]
    assert tiny.largest_difference(before, after) == 0


@pytest.mark.gpu
@GPU
def test_settings_that_leave_no_graph_are_named(bert):
    nlp = tiny.make_nlp(bert, device="cuda", head="crf", fast="auto")
    train(nlp, 20)
    (row,) = [row for row in nlp.get_pipe("cloudner").fast_report() if row["name"] == "graphs"]
    assert not row["used"]
    assert "head = crf" in row["why"]


def test_shapes_are_few_and_hold_what_they_are_given():
    assert rounded(16, 23, 512) == (16, 24)
    assert rounded(13, 40, 512) == (16, 48)
    assert rounded(1, 511, 510) == (1, 511)
    shapes = {rounded(n, length, 512) for n in range(1, 33) for length in range(3, 513)}
    assert len(shapes) < 300
    for n in range(1, 70):
        for length in range(3, 513, 7):
            count, longest = rounded(n, length, 512)
            assert count >= n
            assert length <= longest <= 512


def test_on_a_cpu_nothing_is_tried(bert):
    nlp = tiny.make_nlp(bert, fast=["graphs"])
    train(nlp, 15)
    assert nlp.get_pipe("cloudner").fast_report() == []


def test_an_unknown_name_is_refused(bert):
    with pytest.raises(ConfigError, match=r"fast = \['grafs'\].*graphs"):
        tiny.make_nlp(bert, fast=["grafs"])


@pytest.mark.gpu
@GPU
def test_a_capture_that_fails_costs_the_graphs_alone(bert):
    nlp = tiny.make_nlp(bert, device="cuda", mixed_precision="bf16", fast=["graphs"], dropout=0.1)
    pipe = nlp.get_pipe("cloudner")

    def wait(module, args, output):
        if torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize()

    pipe.model.shims[0].network.encoder.register_forward_hook(wait)
    losses = train(nlp, 40, drop=0.1)
    (row,) = pipe.fast_report()
    assert not row["used"]
    assert "raised" in row["why"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.gpu
@GPU
def test_plain_and_graphed_passes_share_a_step(bert):
    """Accumulated updates of shapes seen and not seen, and micro-batches within one: as without graphs."""
    made = []
    for fast in ("off", ["graphs"]):
        nlp = tiny.make_nlp(bert, device="cuda", fast=fast, batch_pieces=200)
        optimizer = tiny.adamw(1e-3)
        stream = list(batches(nlp, 60))
        for one, other in zip(stream[::2], stream[1::2], strict=True):
            nlp.update(one, sgd=False)
            nlp.update(other, sgd=optimizer)
        made.append((gpu_weights(nlp), nlp.get_pipe("cloudner").fast_report()))
    assert [row["used"] for row in made[1][1]] == [True]
    assert tiny.largest_difference(made[0][0], made[1][0]) < 0.02


def passes(nlp, seed=5):
    """A plain pass's loss and gradients, and those that a graph would hold, computed kernel by kernel."""
    from cloudner.model.network.sequences import Prepared
    from cloudner.model.runners.inputs import Gold
    from cloudner.model.training.graphs import GraphedPasses
    from cloudner.pieces.cache import key_of
    from cloudner.pieces.gold import gold_tags

    pipe = nlp.get_pipe("cloudner")
    runner, step = pipe.model.shims[0].runner, pipe.model.shims[0].step
    (batch,) = batches(nlp, 1, seed=seed)
    docs = [eg.predicted for eg in batch]
    gold = Gold(docs, gold_tags(batch, pipe.scheme), [key_of(eg) for eg in batch])
    prepared = Prepared(runner.cache.encode(gold.keys, docs), lambda p: runner.windows(p, docs))
    rows = np.arange(len(prepared.lengths))
    plain = float(runner.plain(prepared, rows, gold, 1))
    expected = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in step.parameters]
    step.drop()
    graphs = GraphedPasses(
        step, most=runner.tokenizer.max_length, special=runner.tokenizer.special, smoothing=0.1, weight=None
    )
    count, length, *_ = graphs.key(prepared, rows)
    shape = graphs.empty(count, length, None)
    shape.given.copy_(torch.from_numpy(graphs.pack(prepared, rows, gold.tags, count, length)))
    graphs.flat.buffer.fill_(7.0)
    graphs._pass(shape, True)
    first = [view.clone() for view in graphs.flat.views]
    graphs._pass(shape, False)
    return plain, expected, float(shape.loss), first, graphs.flat.views


@pytest.mark.parametrize("family", ["bert", "electra", "albert", "deberta-v3", "xlnet", "modernbert"])
def test_what_a_graph_holds_is_the_plain_pass(encoder_folder, family):
    """Sequences and lengths are rounded up, every piece gets scores, gradients lie in one buffer."""
    nlp = tiny.make_nlp(encoder_folder(family), label_smoothing=0.1, case_features=True)
    train(nlp, 4)
    plain, expected, loss, first, twice = passes(nlp)
    assert loss == pytest.approx(plain, rel=1e-5)
    for one, two, three in zip(expected, first, twice, strict=True):
        scale = max(float(one.abs().max()), 1e-3)
        assert float((one - two).abs().max()) < 1e-4 * scale
        assert float((2 * one - three).abs().max()) < 2e-4 * scale
