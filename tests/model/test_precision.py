"""Number formats: what is chosen where, and what it computes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

import tiny
from cloudner.errors import ConfigError
from cloudner.model import precision
from cloudner.model.precision import choose_precision
from cloudner.model.training.schedule import LinearSchedule

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

TABLE = [
    # best of the device, wanted -> chosen
    (CPU, "bf16", "auto", "bf16"), (CPU, "fp32", "auto", "fp32"), (CPU, "bf16", True, "bf16"), (CPU, "bf16", False, "fp32"),
    (CPU, "bf16", "fp32", "fp32"), (CPU, "bf16", "bf16", "bf16"), (CPU, "fp32", "bf16", "fp32"),
    (CPU, "fp32", "fp16", "fp32"), (CPU, "bf16", "fp16", "bf16"),
    (CUDA, "bf16", "auto", "bf16"), (CUDA, "fp16", "auto", "fp16"), (CUDA, "fp32", "auto", "fp32"),
    (CUDA, "fp16", "bf16", "fp16"), (CUDA, "fp16", "fp16", "fp16"), (CUDA, "bf16", "fp16", "fp16"), (CUDA, "fp16", "fp32", "fp32"),
]  # fmt: skip


@pytest.mark.parametrize(("device", "best", "wanted", "chosen"), TABLE)
def test_choice(monkeypatch, device, best, wanted, chosen):
    monkeypatch.setattr(precision, "_best", lambda kind, index: best)
    assert choose_precision(wanted, device) == chosen


def test_a_fall_back_is_said_once(monkeypatch, caplog):
    monkeypatch.setattr(precision, "_best", lambda kind, index: "fp32")
    precision._fall_back.cache_clear()
    with caplog.at_level(logging.WARNING, "cloudner"):
        for _ in range(3):
            choose_precision("bf16", CPU)
    assert len(caplog.records) == 1
    assert "bf16" in caplog.text
    precision._fall_back.cache_clear()


def test_unknown_names():
    for wanted in ("half", "int8", ""):
        with pytest.raises(ConfigError, match="mixed_precision"):
            choose_precision(wanted, CPU)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((9, 0), "bf16"), ((8, 0), "bf16"), ((7, 5), "fp16"), ((7, 0), "fp16"), ((6, 1), "fp32")],
)
def test_compute_capability_decides(monkeypatch, capability, expected):
    precision._best.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability)
    monkeypatch.setattr(torch.version, "hip", None)
    assert precision._best("cuda", 0) == expected
    precision._best.cache_clear()


@pytest.mark.parametrize("name", ["bf16", "fp16", "fp32"])
def test_prediction_in_each_precision_is_close(trained, name):
    from cloudner.model.network.sequences import Prepared
    from cloudner.model.prediction.copies import prepare

    pipe = trained.get_pipe("cloudner")
    docs = [trained.make_doc(text) for text, _ in tiny.DATA]
    expected = pipe.model.predict(docs).scores
    runner = pipe.model.shims[0].runner
    prepared = Prepared(runner.tokenizer.encode(docs), runner.windows)
    # The conversion itself, whatever this CPU is fast in.
    network, _ = prepare(pipe.model.shims[0].network, "fp32", "fp32")
    if name != "fp32":
        import copy

        network = copy.deepcopy(network).to(torch.bfloat16 if name == "bf16" else torch.float16)
    batch, tokens = prepared.sequences(
        np.arange(len(docs)), runner.tokenizer.special, CPU, most=512, counts=False, cases=False
    )
    with torch.inference_mode():
        scores = network(batch).float().numpy()
    assert (scores.argmax(1) == expected[tokens].argmax(1)).all()


def test_rotary_frequencies_are_not_rounded(encoder_folder):
    from cloudner.model.prediction.copies import _converted

    network = tiny.make_nlp(encoder_folder("modernbert")).get_pipe("cloudner").model.shims[0].network
    made = _converted(network, torch.bfloat16)
    assert all(p.dtype == torch.bfloat16 for p in made.parameters())
    frequencies = {name: b for name, b in network.named_buffers() if "inv_freq" in name}
    assert frequencies
    for name, buffer in made.named_buffers():
        if name in frequencies:
            torch.testing.assert_close(buffer, frequencies[name], atol=0, rtol=0)
    assert made.state_dict().keys() == network.state_dict().keys()


def test_int8_prediction_finds_the_same_entities(trained):
    from cloudner.loading import set_precision

    pipe = trained.get_pipe("cloudner")
    docs = [trained.make_doc(text) for text, _ in tiny.DATA]
    expected = pipe.model.predict(docs).scores
    set_precision(pipe, "int8", "torch")
    found = pipe.model.predict(docs).scores
    assert np.abs(found - expected).max() > 0  # it is another computation
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert np.abs(found - expected).mean() < 0.1 * np.abs(expected).mean()
    assert tiny.ents(trained(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]
    set_precision(pipe, "fp32")
    np.testing.assert_allclose(pipe.model.predict(docs).scores, expected, atol=1e-6)
    with pytest.raises(ConfigError, match="int4"):
        set_precision(pipe, "int4")


def test_training_in_bf16_learns_what_fp32_learns(bert):
    losses = {}
    for name in ("fp32", "bf16"):
        nlp = tiny.make_nlp(bert)
        # Whether or not this CPU is fast at it.
        shim = nlp.get_pipe("cloudner").model.shims[0]
        type(shim).precision, kept = property(lambda self, n=name: n), type(shim).precision
        try:
            examples = tiny.make_examples(nlp)
            losses[name] = [nlp.update(examples, sgd=tiny.adamw(3e-3))["cloudner"] for _ in range(5)]
        finally:
            type(shim).precision = kept
        assert all(p.dtype == torch.float32 for p in shim.network.parameters())
    np.testing.assert_allclose(losses["bf16"], losses["fp32"], rtol=0.05)
    assert losses["bf16"] != losses["fp32"]


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_encoders_without_half_precision_compute_in_fp32(encoder_folder, monkeypatch, caplog, kind):
    monkeypatch.setattr(precision, "_best", lambda kind_of_device, index: kind)
    precision._in_fp32.cache_clear()
    with caplog.at_level(logging.WARNING, "cloudner"):
        nlp = tiny.make_nlp(encoder_folder("deberta"), mixed_precision="auto")
        examples = tiny.make_examples(nlp)
        losses = [nlp.update(examples, sgd=tiny.adamw(3e-3))["cloudner"] for _ in range(4)]
        assert losses[-1] < losses[0]
        nlp(tiny.DATA[0][0])
    assert [r.message for r in caplog.records if "half precision" in r.message] == [
        "an encoder of the type deberta cannot compute in half precision: computing in fp32"
    ]
    precision._in_fp32.cache_clear()


NAMES = ("Marie", "Curie", "Apple", "Beats", "Paris", "Warsaw")
WORDS = (*NAMES, "the", "and", "met", "worked", "in", "president")
STEPS, SEEDS = 200, (0, 1, 2)


def sentences(count: int, seed: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Random words. A name has its label, but a company is a PER where "president" is among the other words."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        words = [WORDS[i] for i in rng.integers(0, len(WORDS), rng.integers(4, 9))]
        ents, at = [], 0
        for word in words:
            if word in NAMES:
                label = ("PER", "ORG", "LOC")[NAMES.index(word) // 2]
                label = "PER" if label == "ORG" and "president" in words else label
                ents.append((at, at + len(word), label))
            at += len(word) + 1
        made.append((" ".join(words), ents))
    return made


def f1_after_training(encoder, name: str, device: str, seed: int) -> float:
    nlp = tiny.make_nlp(encoder, seed=seed, device=device, mixed_precision=name)
    assert nlp.get_pipe("cloudner").model.shims[0].precision == name
    examples = tiny.make_examples(nlp, sentences(640, seed + 1))
    optimizer = tiny.adamw(LinearSchedule(3e-3, warmup=0.1, total_steps=STEPS))
    for step in range(STEPS):
        begin = 16 * step % len(examples)
        nlp.update(examples[begin : begin + 16], sgd=optimizer)
    return nlp.evaluate(tiny.make_examples(nlp, sentences(200, 100)))["ents_f"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("cpu", "bf16"),
        *(pytest.param("cuda", name, marks=[pytest.mark.gpu, NO_GPU]) for name in ("bf16", "fp16")),
    ],
)
def test_half_precision_learns_as_well_as_fp32(bert, monkeypatch, device, name):
    """Training and prediction; F1 over three seeds, within half a point."""
    if device == "cpu":  # whether or not this CPU is fast at it
        monkeypatch.setattr(precision, "_best", lambda kind, index: "bf16")
    means = {
        kind: np.mean([f1_after_training(bert, kind, device, seed) for seed in SEEDS])
        for kind in ("fp32", name)
    }
    assert means["fp32"] > 0.98
    assert means[name] == pytest.approx(means["fp32"], abs=0.005)


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_on_a_gpu(bert, name):
    nlp = tiny.make_nlp(bert, device="cuda", mixed_precision=name)
    examples = tiny.make_examples(nlp)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    assert shim.device.type == "cuda"
    losses = [float(nlp.update(examples, sgd=tiny.adamw(3e-3))["cloudner"]) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert np.isfinite(nlp.get_pipe("cloudner").model.predict([nlp.make_doc("Marie Curie")]).scores).all()


@pytest.mark.gpu
@NO_GPU
def test_an_overflow_in_fp16_reaches_neither_weights_nor_the_layer_below():
    from cloudner.model.network.tag_network import TagNetwork
    from cloudner.model.shim import TaggerShim

    shim = TaggerShim(device="cuda", mixed_precision="fp16")
    shim.set_network(TagNetwork(4, 3, head="softmax"))
    before = shim.network.head.linear.weight.detach().clone()
    vectors = torch.ones(2, 4, device="cuda", requires_grad=True)
    with shim.forward_context():
        loss = shim.network.head(vectors).float().sum() * 1e36
    (gradient,) = shim.accumulate(loss, 2, [vectors])
    assert (gradient == 0).all()
    shim.finish_update(tiny.adamw())
    assert shim.overflows == 1
    assert torch.equal(shim.network.head.linear.weight, before)
