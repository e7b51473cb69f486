"""Lean calls give what the calls they replace give: attention over packed pieces, layer norms in bf16."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.nn.functional import scaled_dot_product_attention

import tiny
from cloudner.model.network import lean
from cloudner.model.network.batch import Sequences
from cloudner.model.network.lean import LeanCalls
from cloudner.model.prediction import packing
from cloudner.model.prediction.packing import PackedPrediction

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
LENGTHS = [9, 4, 1]


Kind = SimpleNamespace(config=SimpleNamespace(model_type="other"))


def stretch_by_stretch(query, key, value, bounds, longest, dropout, scale):
    """What the flash kernel computes, where there is none."""
    out = []
    for begin, end in zip(bounds.tolist(), bounds.tolist()[1:], strict=False):
        assert 0 <= end - begin <= longest
        q, k, v = (part[begin:end].transpose(0, 1) for part in (query, key, value))
        out.append(scaled_dot_product_attention(q, k, v, scale=scale).transpose(0, 1))
    return torch.cat(out)


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr(lean, "varlen", stretch_by_stretch)
    monkeypatch.setattr(lean, "_HALF", (torch.float32, torch.bfloat16))


def batch(lengths=LENGTHS, longest=9) -> Sequences:
    ids = torch.zeros(len(lengths), longest, dtype=torch.long)
    padded = min(lengths) < longest
    return Sequences(ids, torch.tensor(lengths) if padded else None, torch.zeros(1, dtype=torch.long))


def inputs(longest=9, width=16):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(3, 2, longest, width, generator=generator).requires_grad_() for _ in range(3)]


def mask(full: bool, longest=9):
    keep = torch.arange(longest) < torch.tensor(LENGTHS)[:, None]
    made = torch.zeros(3, 1, 1, longest).masked_fill(~keep[:, None, None], torch.finfo(torch.float32).min)
    return made.expand(3, 1, longest, longest) if full else made


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_packed_attention_is_masked_attention_where_there_are_pieces(on_cpu, full, scale):
    real = torch.arange(9) < torch.tensor(LENGTHS)[:, None]
    weight = torch.randn(3, 2, 9, 16, generator=torch.Generator().manual_seed(2)) * real[:, None, :, None]
    made = []
    for packed in (False, True):
        given = inputs()
        with LeanCalls(["packed"] if packed else [], batch(), Kind) as mode:
            out = scaled_dot_product_attention(*given, attn_mask=mask(full), scale=scale)
        assert mode.calls["packed"] == int(packed)
        loss = (out * weight).sum()
        made.append([loss, *torch.autograd.grad(loss, given)])
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "of"),
    [
        ({"is_causal": True, "attn_mask": None}, {}),
        ({"attn_mask": None}, {}),
        ({"attn_mask": torch.zeros(3, 1, 9, 9)}, {}),  # may differ from query to query
        ({}, {"lengths": [9, 9, 9]}),
        ({}, {"longest": 12}),
    ],
)
def test_what_is_not_attention_to_the_sequence_is_left_to_torch(on_cpu, change, of):
    with LeanCalls(["packed"], batch(**of), Kind) as mode:
        out = scaled_dot_product_attention(*inputs(), **({"attn_mask": mask(False)} | change))
    assert mode.calls["packed"] == 0
    assert torch.equal(out, scaled_dot_product_attention(*inputs(), **({"attn_mask": mask(False)} | change)))


def test_a_layer_norm_gives_bf16_and_keeps_its_weights_in_fp32():
    norm = torch.nn.LayerNorm(32)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5)
    values = torch.randn(5, 32, generator=torch.Generator().manual_seed(3))
    expected = norm(values)
    for given in (values, values.bfloat16()):
        with torch.autocast("cpu", torch.bfloat16), LeanCalls(["stream"], batch(), Kind) as mode:
            out = norm(given)
        assert out.dtype == torch.bfloat16
        assert mode.calls["stream"] == 1
        torch.testing.assert_close(out.float(), expected, rtol=0.02, atol=0.02)
        (gradient,) = torch.autograd.grad(out.float().square().sum(), [norm.weight])
        assert gradient.dtype == torch.float32
    for context in (torch.autocast("cpu", torch.float16), torch.autocast("cpu", enabled=False)):
        with context, LeanCalls(["stream"], batch(), Kind) as mode:
            assert functional.layer_norm(values, (32,)).dtype == torch.float32
        assert mode.calls["stream"] == 0


def gradients(nlp, names):
    """Loss and gradients of one pass over sentences of several lengths, in bf16 where the norms are to be."""
    pipe = nlp.get_pipe("cloudner")
    runner, step = pipe.model.shims[0].runner, pipe.model.shims[0].step
    runner.network.eval()
    prepared = runner._prepared(runner.cache.encode(docs := list(texts(nlp)), docs), docs)
    rows = np.arange(len(prepared.lengths))
    made, tokens = runner._sequences(prepared, rows, runner.network)
    tags = torch.from_numpy(np.arange(len(tokens)) % 3)
    calls = LeanCalls(names, made, runner.network.encoder)
    with torch.autocast("cpu", torch.bfloat16, enabled="stream" in names), calls:
        loss = runner.loss(runner.network(made), tags, prepared.sizes[rows])
    values = [g if g is None else g.float() for g in step.gradients(loss)]
    return float(loss.detach()), values, calls.calls


def texts(nlp):
    for n in (12, 3, 1, 7):
        yield nlp.make_doc("Marie Curie lived in Paris . " * n)


@pytest.mark.parametrize(
    ("family", "taken"),
    [("bert", True), ("roberta", True), ("distilbert", True), ("albert", True), ("deberta-v3", False),
     ("xlnet", False)],
)  # fmt: skip
def test_families_train_on_packed_attention_or_are_left_as_they_are(on_cpu, encoder_folder, family, taken):
    """The usual mask of a CPU is in full size; on a GPU it is not, but for transformers 4's BERT and its like."""
    nlp = tiny.make_nlp(encoder_folder(family))
    plain, expected, _ = gradients(nlp, [])
    loss, found, calls = gradients(nlp, ["packed"])
    assert (calls["packed"] > 0) is taken
    assert loss == pytest.approx(plain, rel=1e-4)
    for one, other in zip(expected, found, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max() + 1))


def test_a_sliding_window_is_not_taken_for_padding(on_cpu, encoder_folder):
    nlp = tiny.make_nlp(encoder_folder("modernbert"))
    plain, _, _ = gradients(nlp, [])
    loss, _, _ = gradients(nlp, ["packed"])
    assert loss == pytest.approx(plain, rel=1e-4)


def test_a_stream_in_bf16_trains_as_one_that_is_widened(bert):
    nlp = tiny.make_nlp(bert)
    plain, expected, _ = gradients(nlp, [])
    loss, found, calls = gradients(nlp, ["stream"])
    assert calls["stream"] > 4
    assert loss == pytest.approx(plain, rel=0.02)
    apart = sum(float((a - b).square().sum()) for a, b in zip(expected, found, strict=True) if a is not None)
    whole = sum(float(a.square().sum()) for a in expected if a is not None)
    assert (apart / whole) ** 0.5 < 0.05


def test_in_prediction_what_raises_is_left_out_for_good(monkeypatch, bert):
    """As on a device without the kernel; the scores are the plain ones."""
    nlp = tiny.make_nlp(bert)
    runner = nlp.get_pipe("cloudner").model.shims[0].runner
    monkeypatch.setattr(packing, "LONG", 4)
    monkeypatch.setattr(lean, "_HALF", (torch.float32,))
    docs = list(texts(nlp))
    prepared = runner._prepared(runner.tokenizer.encode(docs), docs)
    made, _ = runner._sequences(prepared, np.arange(len(prepared.lengths)), runner.network)
    runner.network.eval()
    packed = PackedPrediction("auto")
    with torch.inference_mode():
        expected = runner.network(made)
        for _ in range(packing.WARM + 2):
            assert torch.equal(packed(runner.network, made), expected)
    assert packed.used is False
    assert packed.why


@pytest.mark.parametrize(
    ("fast", "used"), [("off", False), (["graphs"], False), ("auto", None), (["packed"], None)]
)
def test_the_setting_says_whether_prediction_may_pack(fast, used):
    assert PackedPrediction(fast).used is used


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert"])
def test_training_takes_them_on_a_gpu(encoder_folder, family, precision):
    losses = {}
    for fast in ("off", ["packed", "stream"], ["packed", "stream", "graphs"]):
        nlp = tiny.make_nlp(encoder_folder(family), device="cuda", mixed_precision=precision, fast=fast)
        optimizer = tiny.adamw(1e-3)
        made = []
        for _ in range(40):
            examples = tiny.make_examples(
                nlp, [("Marie Curie lived in Paris. " * n, [(0, 11, "PER")]) for n in (1, 3, 8)]
            )
            made.append(float(nlp.update(examples, sgd=optimizer)["cloudner"]))
        losses[str(fast)] = made
        used = {row["name"]: row["used"] for row in nlp.get_pipe("cloudner").fast_report()}
        if fast != "off":
            assert used == {name: name != "stream" or precision == "bf16" for name in fast}, used
        assert made[-1] < made[0] / 2
    for made in losses.values():
        np.testing.assert_allclose(made, losses["off"], rtol=0.2, atol=3e-2)


@pytest.mark.gpu
@GPU
def test_prediction_packs_long_texts_on_a_gpu(monkeypatch, bert):
    monkeypatch.setattr(packing, "LONG", 16)
    monkeypatch.setattr(packing, "GAIN", 0.0)
    nlp = tiny.make_nlp(bert, device="cuda", mixed_precision="bf16")
    runner = nlp.get_pipe("cloudner").model.shims[0].runner
    for _ in range(packing.WARM + 2):
        list(nlp.pipe(["Marie Curie lived in Paris. " * n for n in (1, 6, 9)]))
    assert runner._packed.used is True, runner._packed.why
