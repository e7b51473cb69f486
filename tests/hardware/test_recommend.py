"""The memory formula and the settings that follow from it."""

import dataclasses
import inspect
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.errors import ConfigError
from cloudner.hardware import CorpusStats, EncoderShape, prediction_peak, recommend, training_peak
from cloudner.hardware.machine.gpu import computing, with_computing
from cloudner.hardware.planning.memory import most_pieces, saved_bytes
from cloudner.hardware.planning.recommend import choose_gpu
from cloudner.model.architectures import transformer_ner

SMALL = EncoderShape.from_name("sentence-transformers/all-MiniLM-L6-v2")  # known.json has its sizes
BASE = EncoderShape.from_name("bert-base-cased")
BERT_LARGE = EncoderShape.from_name("bert-large-cased")
LARGE = EncoderShape.from_name("xlm-roberta-large")
SENTENCES = CorpusStats.from_numbers(10_000)


@pytest.mark.parametrize(
    ("name", "device", "precision"),
    [
        ("t4", "cuda:0", "fp16"),
        ("l4", "cuda:0", "bf16"),
        ("a10g", "cuda:0", "bf16"),
        ("a100", "cuda:0", "bf16"),
        ("h100", "cuda:0", "bf16"),
        ("h200", "cuda:0", "bf16"),
        ("b200", "cuda:0", "bf16"),
        ("rtx3060-laptop", "cuda:0", "bf16"),
        ("cpu-only", "cpu", "fp32"),
        ("cpu-sapphire-rapids", "cpu", "bf16"),
        ("apple-m2", "cpu", "fp32"),
        ("broken-torch-cpu-only", "cpu", "fp32"),
        ("broken-driver-too-old", "cpu", "fp32"),
        ("broken-no-kernel-image", "cpu", "fp32"),
        ("broken-gpu-hidden", "cpu", "fp32"),
    ],
)
def test_device_and_precision(machine, name, device, precision):
    made = recommend(
        dataclasses.replace(machine(name), cpu_flags=_flags(machine(name), device)), BASE, SENTENCES
    )
    assert (made.device, made.mixed_precision) == (device, precision)
    assert made.fits
    assert {"device", "accumulation", "threads", *made.for_config()} == made.reasons.keys()


def _flags(state, device):
    return state.cpu_flags if device == "cpu" else ()


def test_checkpointing_only_where_memory_is_short(machine):
    laptop = machine("rtx3060-laptop")
    assert not recommend(laptop, SMALL, SENTENCES).gradient_checkpointing
    long = CorpusStats.from_numbers(1000, sentences_per_doc=40)
    tight = dataclasses.replace(laptop.gpus[0], memory_free=int(3.3 * 2**30))
    made = recommend(dataclasses.replace(laptop, gpus=(tight,)), BASE, long)
    assert made.device == "cuda:0"
    assert made.gradient_checkpointing
    assert "third more" in made.reasons["gradient_checkpointing"]


def test_what_does_not_fit_the_card_goes_to_the_cpu_or_says_so(machine):
    laptop = machine("rtx3060-laptop")
    made = recommend(laptop, LARGE, SENTENCES)
    assert made.device == "cpu"
    assert "too little free memory" in made.reasons["device"]
    poor = dataclasses.replace(laptop, ram_available=2 * 2**30)
    made = recommend(poor, LARGE, SENTENCES)
    assert not made.fits
    assert "smaller encoder" in made.reasons["batch_pieces"]
    asked = recommend(laptop, LARGE, SENTENCES, device="cuda")
    assert (asked.device, asked.fits) == ("cuda:0", False)


def test_the_card_with_most_free_memory_is_taken(machine):
    state = machine("t4")
    other = dataclasses.replace(state.gpus[0], index=1)
    busy = dataclasses.replace(state.gpus[0], memory_free=2**30)
    both = dataclasses.replace(state, gpus=(busy, other))
    assert recommend(both, BASE, SENTENCES).device == "cuda:1"
    assert recommend(both, BASE, SENTENCES, device="cuda:0").device == "cuda:0"
    assert choose_gpu(both, "cpu") == (None, "as asked")


@pytest.mark.parametrize(
    "found",
    [
        {"gpus": (), "torch_sees_gpu": None},  # no answer in time
        {"torch_sees_gpu": None},  # the driver's alone
        {"gpus": (), "torch_sees_gpu": None, "torch_cuda": None},
    ],
    ids=["nothing", "the driver's card", "nor torch's build"],
)
def test_a_card_that_computes_is_not_missed(machine, found):
    """The detection has a second; what it misses is no reason to train as on a CPU."""
    whole = machine("a100")
    card = dataclasses.replace(whole.gpus[0], memory_free=70 * 2**30)
    missed = dataclasses.replace(whole, **found)
    made = recommend(with_computing(missed, card, "12.8", None), BASE, device="cuda:0")
    assert (made.device, made.mixed_precision) == ("cuda:0", "bf16")
    assert made.free_bytes == 70 * 2**30
    assert made.batch_pieces > 4096
    other = dataclasses.replace(card, index=1)
    both = with_computing(whole, other, "12.8", None)
    assert [gpu.index for gpu in both.gpus] == [0, 1]
    assert with_computing(whole, whole.gpus[0], "12.8", None) == whole


def test_scores_of_spans_are_in_the_memory_and_in_the_budget(machine):
    """22 bytes a score in training and 10 in prediction, labels * length scores a word piece."""
    how = {"device": "cuda", "precision": "bf16"}
    for peak, each in ((training_peak, 22), (prediction_peak, 10)):
        plain, spans = (peak(BASE, 1000, 512, **how, span_labels=n).activations for n in (0, 30))
        assert spans - plain == 1000 * 512 * 30 * each
    long = CorpusStats.from_numbers(1000, 300.0)
    card = dataclasses.replace(machine("t4").gpus[0], memory_free=8 * 2**30)
    state = dataclasses.replace(machine("t4"), gpus=(card,))
    plain, spans = (recommend(state, BASE, long, span_labels=n) for n in (0, 60))
    # A row of 512 counts as 512 word pieces and as many for its 512 * 512 * 60 scores as need their memory.
    row = 512 + 512 * 512 * 60 / 8192
    rows = [int(made.batch_pieces / size) for made, size in ((plain, 512), (spans, row))]
    assert 0 < rows[1] < rows[0]
    assert training_peak(BASE, rows[1] * 512, 512, device="cuda", precision="fp16", span_labels=60,
                         accumulated=True).total <= 0.9 * 8 * 2**30  # fmt: skip
    assert spans.peak_bytes <= 0.9 * spans.free_bytes
    small = dataclasses.replace(state, gpus=(dataclasses.replace(card, memory_free=4 * 2**30),))
    made = recommend(small, BASE, long, span_labels=3000, device="cuda")
    assert not made.fits
    assert "with the scores of 3000 labels" in made.reasons["batch_pieces"]
    assert recommend(small, BASE, long, device="cuda").fits


@pytest.mark.gpu
def test_torch_describes_the_card_it_computes_on():
    import torch

    card = computing(torch, 0)
    assert card.name == torch.cuda.get_device_name(0)
    assert 0 < card.memory_free <= card.memory_total


def test_a_wish_is_kept(machine):
    made = recommend(machine("a100"), BASE, SENTENCES, precision="fp32")
    assert (made.mixed_precision, made.reasons["mixed_precision"]) == ("fp32", "as asked")


def test_a_wish_that_the_device_cannot_do_is_counted_as_what_training_does(machine):
    made = recommend(machine("cpu-only"), BASE, SENTENCES, precision="bf16")
    assert made.mixed_precision == "fp32"
    assert "bf16 was asked for" in made.reasons["mixed_precision"]


def test_settings_speak_the_words_of_the_config(machine):
    parameters = inspect.signature(transformer_ner).parameters
    made = recommend(machine("a100"), BASE, SENTENCES)
    assert made.for_config().keys() <= parameters.keys()
    assert len(made.for_config()) == 4


def test_earlier_names_are_deprecated_and_stay(machine):
    made = recommend(machine("a100"), BASE, SENTENCES)
    with pytest.warns(DeprecationWarning, match="mixed_precision"):
        assert made.precision == made.mixed_precision
    with pytest.warns(DeprecationWarning, match="predict_pieces"):
        assert made.predict_batch_pieces == made.predict_pieces
    with pytest.warns(DeprecationWarning, match="always False"):
        assert made.compile is False
    record = made.to_dict()
    assert (record["precision"], record["predict_batch_pieces"]) == ("bf16", made.predict_pieces)


def test_this_machine_and_the_default_encoder_in_no_time():
    recommend()
    began = time.perf_counter()
    made = recommend()
    assert time.perf_counter() - began < 1.0
    assert made.batch_pieces >= 512
    assert made.to_dict()["threads"] >= 1


def test_an_unknown_encoder_is_a_clear_error(machine):
    with pytest.raises(ConfigError, match="not known here"):
        recommend(machine("t4"), "no/such-encoder")


shapes = st.builds(
    EncoderShape,
    name=st.just("x"),
    hidden=st.sampled_from([128, 384, 768, 1024]),
    layers=st.integers(1, 24),
    heads=st.sampled_from([4, 12, 16]),
    intermediate=st.sampled_from([512, 1536, 3072]),
    vocab=st.integers(100, 250_000),
    gated=st.booleans(),
    fused_attention=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(
    shapes,
    st.floats(1e9, 1e11),
    st.sampled_from([16, 128, 512]),
    st.sampled_from([("cpu", "fp32"), ("cuda", "bf16"), ("cuda", "fp32")]),
    st.booleans(),
    st.integers(0, 4),
    st.sampled_from([0, 60]),
)
def test_what_is_said_to_fit_fits_and_one_more_does_not(
    shape, free, length, where, checkpointing, frozen, labels
):
    device, precision = where
    how = {
        "device": device,
        "precision": precision,
        "gradient_checkpointing": checkpointing,
        "frozen_layers": frozen,
        "span_labels": labels,
    }
    pieces = most_pieces(shape, free, length, **how)
    if pieces:
        assert training_peak(shape, pieces, length, **how).total <= free * 1.000001 + 1
    assert training_peak(shape, pieces + 1, length, **how).total > free * 0.999999 - 1


@settings(max_examples=60, deadline=None)
@given(shapes, st.sampled_from([32, 512]))
def test_the_formula_moves_the_right_way(shape, length):
    def total(**how):
        return training_peak(shape, 4096, length, **{"device": "cuda", "precision": "bf16", **how}).total

    assert total(frozen_layers=1) < total()
    assert training_peak(shape, 8192, length).total > training_peak(shape, 4096, length).total
    assert prediction_peak(shape, 4096, length).total < training_peak(shape, 4096, length).total
    if shape.layers > 4:
        assert total(gradient_checkpointing=True) < total()


@pytest.mark.parametrize("half", [False, True])
def test_the_formula_counts_what_autograd_saves(half):
    """The bytes a layer adds to what autograd keeps, counted by its own hooks, within 5 percent of the formula."""
    import torch
    from transformers import BertConfig, BertModel

    rows, length, hidden = 15, 32, 128

    def saved(layers):
        config = BertConfig(
            vocab_size=100,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=4 * hidden,
            attention_probs_dropout_prob=0.0,  # the fused kernel, as on a GPU
        )
        network = BertModel(config, add_pooling_layer=False).train()
        weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
        copies = {tuple(p.shape) for p in network.parameters()} | {
            tuple(p.T.shape) for p in network.parameters() if p.dim() == 2
        }
        seen, kept = {}, []

        def pack(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights and tuple(tensor.shape) not in copies:
                seen[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)
            return tensor

        with (
            torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=half),
        ):
            ids = torch.randint(0, 100, (rows, length))
            mask = torch.ones_like(ids)
            mask[:, -1] = 0
            out = network(input_ids=ids, attention_mask=mask)
        del out
        return sum(seen.values())

    counted = (saved(3) - saved(1)) / 2 / (rows * length)
    shape = EncoderShape("x", hidden, 3, 4, 4 * hidden, 100)
    assert saved_bytes(shape, half) == pytest.approx(counted, rel=0.05)


@pytest.mark.slow
def test_the_peak_of_a_real_step_is_as_predicted():
    """Peak resident set of real steps in a process of their own."""
    import json
    import subprocess
    import sys
    from pathlib import Path

    run = json.dumps(["minilm-l6", 4096, 32, False])
    out = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", "one", "--precision", "fp32", "--run", run],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    predicted = training_peak(SMALL, 4096, 32).total
    assert 0.7 < predicted / int(out.stdout.split()[-1]) < 1.3


@pytest.fixture
def eight_gib(machine):
    """A card of 8 GiB, the desktop's share of it taken."""
    laptop = machine("rtx3060-laptop")
    card = dataclasses.replace(laptop.gpus[0], memory_total=8 * 2**30, memory_free=int(7.6 * 2**30))
    return dataclasses.replace(laptop, gpus=(card,))


def test_pieces_are_counted_for_the_checkpointing_that_is_used(eight_gib):
    frozen = {"device": "cuda", "frozen_layers": 4}
    left = recommend(eight_gib, BERT_LARGE, **frozen)
    off = recommend(eight_gib, BERT_LARGE, **frozen, gradient_checkpointing=False)
    on = recommend(eight_gib, BERT_LARGE, **frozen, gradient_checkpointing=True)
    assert (off.gradient_checkpointing, on.gradient_checkpointing) == (False, True)
    assert off.batch_pieces < on.batch_pieces
    assert left.batch_pieces == (on if left.gradient_checkpointing else off).batch_pieces
    assert on.reasons["gradient_checkpointing"] == off.reasons["gradient_checkpointing"] == "as asked"
    for made in (off, on):
        peak = training_peak(
            BERT_LARGE, made.batch_pieces, 512, device="cuda", precision="bf16", frozen_layers=4, accumulated=True,
            gradient_checkpointing=made.gradient_checkpointing,
        )  # fmt: skip
        assert made.peak_bytes <= peak.total
        assert peak.total <= made.free_bytes


def test_checkpointing_is_on_where_nothing_fits(eight_gib):
    made = recommend(eight_gib, BERT_LARGE, device="cuda")
    assert not made.fits
    assert made.gradient_checkpointing


def test_gradients_are_held_twice_where_an_update_has_several_micro_batches(machine):
    how = {"device": "cuda", "precision": "fp32"}
    one, more = (training_peak(BASE, 64, 64, **how, accumulated=a) for a in (False, True))
    # few pieces: what follows the activations is larger than they are
    assert more.total - one.total == 4 * BASE.parameters - one.activations
    many = [training_peak(BASE, 50_000, 64, **how, accumulated=a).total for a in (False, True)]
    assert many[0] == many[1]
    fits = one.total
    assert most_pieces(BASE, fits, 64, **how) == 64
    assert most_pieces(BASE, fits, 64, **how, accumulated=True) == 0
    card = dataclasses.replace(machine("t4").gpus[0], memory_free=int(one.total / 0.9))
    small = dataclasses.replace(machine("t4"), gpus=(card,))
    short = CorpusStats.from_numbers(1000, sentences_per_doc=1)
    asked = {"device": "cuda", "precision": "fp32", "docs_per_update": 1, "window": 32}
    assert recommend(small, BASE, short, **asked).fits
    assert not recommend(small, BASE, short, **asked, accumulate_gradient=2).fits


def test_an_encoder_that_computes_in_fp32_alone_is_counted_so(machine):
    config = {"model_type": "deberta", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
              "intermediate_size": 3072, "vocab_size": 50265}  # fmt: skip
    made = recommend(machine("a100"), EncoderShape.from_config(config, "microsoft/deberta-base"), SENTENCES)
    assert made.mixed_precision == "fp32"
    assert "half precision" in made.reasons["mixed_precision"]
