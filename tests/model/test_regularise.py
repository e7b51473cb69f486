"""Class weights, R-Drop and FGM: what they add, exactly, and nothing where they are off."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import spacy
import torch
import torch.nn.functional as F

import tiny
from cloudner.errors import ConfigError, NonFiniteLossError
from cloudner.model.training.loss import symmetric_kl

TEXTS = [*tiny.DATA, ("Ada Lovelace saw Oxford from afar, and Paris", [(0, 12, "PER")])]
WEIGHTS = {"PER": 3.0, "B-LOC": 0.5, "O": 0.25}
EXTRAS = [{"class_weights": WEIGHTS}, {"class_weights": "balanced"}, {"r_drop": 2.0}, {"fgm": 0.7}]
NAMES = ["table", "balanced", "r_drop", "fgm"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return tiny.write_encoder("bert", tmp_path_factory.mktemp("one-layer"), num_hidden_layers=1)


def shim_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0]


def accumulated(encoder, splits=((0, 1, 2, 3, 4),), drop=0.0, **model):
    """Gradients, labelled tokens and losses of one pass over `TEXTS`, and the pipeline."""
    nlp = tiny.make_nlp(encoder, **model)
    examples = tiny.make_examples(nlp, TEXTS)
    pipe = nlp.get_pipe("cloudner")
    torch.manual_seed(5)
    losses = [pipe.update([examples[i] for i in split], drop=drop)["cloudner"] for split in splits]
    network = pipe.model.shims[0].network
    gradients = {k: p.grad.clone() for k, p in network.named_parameters() if p.grad is not None}
    return gradients, pipe.model.shims[0].labelled, losses, nlp


def same(one, other, **tolerance):
    assert one.keys() == other.keys()
    for key, gradient in one.items():
        torch.testing.assert_close(gradient, other[key], **{"atol": 1e-4, "rtol": 1e-4, **tolerance})


def differs(one, other):
    return any(not torch.allclose(one[key], other[key], atol=1e-4) for key in one)


@pytest.fixture(scope="module")
def plain(small):
    return accumulated(small)


@pytest.mark.parametrize("extra", EXTRAS, ids=NAMES)
def test_the_step_does_not_depend_on_the_cut(small, plain, extra):
    whole, n, _, _ = accumulated(small, **extra)
    halves, m, _, _ = accumulated(small, [(4, 2), (0, 3), (1,)], batch_pieces=30, **extra)
    assert n == m == plain[1]
    same(whole, halves)
    if "r_drop" not in extra:  # without dropout both of its passes are the same one
        assert differs(whole, plain[0])


def test_off_is_what_it_was(small, plain):
    """One forward pass a micro-batch, and its gradient to the last bit."""
    nlp = tiny.make_nlp(small, r_drop=0.0, fgm=0.0, class_weights=None, window_unit="document")
    calls = []
    network = shim_of(nlp).network
    network.encoder.register_forward_hook(lambda *_: calls.append(1))
    nlp.get_pipe("cloudner").update(tiny.make_examples(nlp, TEXTS))
    assert len(calls) == 1
    for name, parameter in network.named_parameters():
        assert parameter.grad is None or torch.equal(parameter.grad, plain[0][name])


# -- class weights ------------------------------------------------------------------------------------------------


def test_weights_are_torchs_and_the_division_is_by_tokens(small):
    nlp = tiny.make_nlp(small, class_weights=WEIGHTS)
    pipe = nlp.get_pipe("cloudner")
    examples = tiny.make_examples(nlp)
    by_tag = {"O": 0.25, "B-LOC": 0.5, "I-LOC": 1.0, "B-ORG": 1.0, "I-ORG": 1.0, "B-PER": 3.0, "I-PER": 3.0}
    from cloudner.pieces.gold import gold_tags

    tags = torch.from_numpy(gold_tags(examples, pipe.scheme))
    scores = torch.from_numpy(pipe.model.predict([eg.predicted for eg in examples]).scores)
    each = F.cross_entropy(scores, tags, reduction="none")
    weight = torch.tensor([by_tag[tag] for tag in pipe.scheme.tags])[tags]
    assert pipe.update(examples)["cloudner"] == pytest.approx(float((each * weight).mean()), rel=1e-5)


def test_balanced_weighs_one_on_average(small, tmp_path):
    nlp = tiny.make_nlp(small, class_weights="balanced", case_features=False)
    weights = shim_of(nlp).runner.weights
    counts = weights.counts
    assert counts["B-PER"] == 2
    assert counts["I-LOC"] == 0
    seen = [n for n in counts.values() if n]
    values = dict(zip(weights.tags, weights.values(), strict=True))
    assert values["B-PER"] == pytest.approx(sum(seen) / (len(seen) * 2))
    assert values["I-LOC"] == 1.0
    assert sum(values[tag] * n for tag, n in counts.items()) == pytest.approx(sum(seen))
    # The counts go with the pipeline: training goes on without initialisation.
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert shim_of(loaded).runner.weights.values() == weights.values()
    copied = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert shim_of(copied).runner.weights.values() == weights.values()
    assert copy.copy(shim_of(nlp)).copy().runner.weights.values() == weights.values()
    copied.get_pipe("cloudner").add_label("EVENT")  # a tag that was not counted weighs 1
    assert shim_of(copied).runner.weights.values()[-2:] == [1.0, 1.0]
    assert np.isfinite(copied.update(tiny.make_examples(copied))["cloudner"])


def test_balanced_without_counts_is_refused_in_training_only(small, tmp_path):
    nlp = tiny.make_nlp(small)
    assert "tag_counts" not in shim_of(nlp).runner.files(shim_of(nlp).network)["network.json"]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(
        tmp_path, config={"components": {"cloudner": {"model": {"class_weights": "balanced"}}}}
    )
    loaded("Marie Curie")
    with pytest.raises(ConfigError, match="never counted"):
        loaded.update(tiny.make_examples(loaded))


def test_on_shared_vectors():
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 50, "window_size": 1,
               "maxout_pieces": 2, "subword_features": False, "pretrained_vectors": None}  # fmt: skip
    model = {"@architectures": "cloudner.SharedNER.v1", "tok2vec": tok2vec, "class_weights": {"O": 0.0}}
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config={"model": model})
    nlp.initialize(lambda: tiny.make_examples(nlp))
    nothing = tiny.make_examples(nlp, [("no entity stands here", [])])
    assert nlp.update(nothing, sgd=False)["cloudner"] == 0.0
    assert nlp.update(tiny.make_examples(nlp), sgd=False)["cloudner"] > 0.1
    for refused in ({"r_drop": 1.0}, {"fgm": 1.0}, {"window_unit": "sentence"}):
        with pytest.raises(ValueError, match=next(iter(refused))):
            spacy.blank("en").add_pipe("cloudner", config={"model": {**model, **refused}})
    with pytest.raises(ConfigError, match="crf"):
        spacy.blank("en").add_pipe("cloudner", config={"model": {**model, "head": "crf"}})


# -- R-Drop -------------------------------------------------------------------------------------------------------


def test_divergence_is_the_mean_of_both_directions():
    one, other = torch.randn(4, 3), torch.randn(4, 3)
    tags = torch.tensor([0, -1, 2, 1])
    p, q = one.log_softmax(1)[tags >= 0], other.log_softmax(1)[tags >= 0]
    there = F.kl_div(q, p, log_target=True, reduction="sum")
    back = F.kl_div(p, q, log_target=True, reduction="sum")
    torch.testing.assert_close(symmetric_kl(one, other, tags), (there + back) / 2)
    assert float(symmetric_kl(one, one, tags)) == 0.0


def test_r_drop_passes_twice_and_is_nothing_without_dropout(small, plain):
    gradients, _, losses, _ = accumulated(small, r_drop=3.0)
    same(gradients, plain[0])
    assert losses[0] == pytest.approx(plain[2][0], rel=1e-5)
    weak, _, weak_losses, _ = accumulated(small, drop=0.4, r_drop=0.1)
    strong, _, strong_losses, nlp = accumulated(small, drop=0.4, r_drop=30.0)
    assert weak_losses == strong_losses  # the divergence is not in what is reported
    assert differs(weak, strong)
    # Against both passes by hand, from the same random state.
    runner, examples = shim_of(nlp).runner, tiny.make_examples(nlp, TEXTS)
    network = runner.network
    heads = []
    network.head.register_forward_hook(lambda module, args, output: heads.append(output.detach()))
    nlp.get_pipe("cloudner").update(examples, drop=0.4)
    assert len(heads) == 2
    assert not torch.equal(*heads)


def test_r_drop_holds_half_the_pieces(small):
    runner = shim_of(tiny.make_nlp(small, r_drop=1.0, batch_pieces=100, predict_pieces=100)).runner
    assert (runner.budget("train"), runner.budget("predict")) == (50, 100)


# -- FGM ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [{}, {"head": "crf"}, {"case_features": True}])
def test_fgm_is_the_loss_and_that_at_the_moved_embeddings(small, model):
    """Each sequence by itself, its embeddings moved by hand."""
    gradients, _, losses, _ = accumulated(small, fgm=0.7, **model)
    other = tiny.make_nlp(small, **model)
    pipe = other.get_pipe("cloudner")
    network = pipe.model.shims[0].network
    table = network.encoder.get_input_embeddings()
    plain_losses = []
    for eg in tiny.make_examples(other, TEXTS):
        found, moves = [], []

        def move(module, args, output, found=found, moves=moves):
            if moves:
                return output + moves[0]
            output.register_hook(lambda gradient: found.append(gradient.clone()))
            return output

        handle = table.register_forward_hook(move)
        plain_losses.append(pipe.update([eg])["cloudner"])
        moves.append(0.7 * found[0] / found[0].norm())
        pipe.update([eg])
        handle.remove()
    mine = {k: p.grad for k, p in network.named_parameters() if p.grad is not None}
    same(gradients, mine, atol=2e-4, rtol=2e-3)
    assert losses[0] == pytest.approx(shim_mean(plain_losses, other), rel=1e-4)


def test_fgm_of_frozen_embeddings(small):
    free, _, _, _ = accumulated(small, fgm=0.7)
    frozen, _, _, _ = accumulated(small, fgm=0.7, freeze_embeddings=True)
    assert not any("embeddings" in key for key in frozen)
    same(frozen, {key: free[key] for key in frozen})


def shim_mean(losses, nlp):
    """Mean over tokens of means over documents."""
    sizes = [len(eg.predicted) for eg in tiny.make_examples(nlp, TEXTS)]
    return float(np.average(losses, weights=sizes))


def test_fgm_raises_the_loss_and_leaves_no_trace(small):
    nlp = tiny.make_nlp(small, fgm=0.7)
    runner = shim_of(nlp).runner
    seen = []
    loss = runner.loss

    def recorded(*args):
        seen.append(loss(*args))
        return seen[-1]

    runner.loss = recorded
    before = tiny.weights(nlp)
    nlp.get_pipe("cloudner").update(tiny.make_examples(nlp, TEXTS))
    assert len(seen) == 2
    assert seen[1].item() > seen[0].item()
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
    assert not runner.network.encoder.get_input_embeddings()._forward_hooks


def test_fgm_is_all_or_nothing_when_memory_runs_out(small):
    """In the second pass, where the first one's gradients are already there."""
    free, tight = tiny.make_nlp(small, fgm=0.7), tiny.make_nlp(small, fgm=0.7)
    runner = shim_of(tight).runner
    calls = []

    def second(module, args, kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("no room for the second pass")

    runner.network.encoder.register_forward_pre_hook(second, with_kwargs=True)
    for nlp in (free, tight):
        nlp.update(tiny.make_examples(nlp, TEXTS), sgd=tiny.adamw(1e-3, eps=1e-2))
    assert len(calls) >= 6  # one that went, one that failed, and two passes over each part
    assert len(calls) % 2 == 0
    assert tiny.largest_difference(tiny.weights(free), tiny.weights(tight)) < 1e-6
    assert not runner.network.encoder.get_input_embeddings()._forward_hooks


def test_fgm_stops_at_numbers_that_are_not_finite(small):
    nlp = tiny.make_nlp(small, fgm=0.7)
    before = tiny.weights(nlp)
    broken = shim_of(nlp).network.head.register_forward_hook(
        lambda module, args, output: output * float("nan")
    )
    with pytest.raises(NonFiniteLossError):
        nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-3))
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
    broken.remove()
    assert np.isfinite(nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-3))["cloudner"])


@pytest.mark.parametrize(
    "family",
    [
        "longformer",
        *(pytest.param(f, marks=pytest.mark.slow) for f in ("deberta-v3", "modernbert", "electra")),
    ],
)
def test_fgm_in_other_families(family, encoder_folder):
    gradients, _, _, _ = accumulated(encoder_folder(family), fgm=0.5)
    plain, _, _, _ = accumulated(encoder_folder(family))
    assert all(torch.isfinite(g).all() for g in gradients.values())
    assert differs(gradients, {key: 2 * g for key, g in plain.items()})


# -- all ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"class_weights": "balance"}, "balance"),
        ({"class_weights": {"PER": -1.0}}, "class_weights.PER = -1.0"),
        ({"class_weights": {"PERSON": 2.0}}, "PERSON is no tag or label"),
        ({"class_weights": "balanced", "head": "crf"}, 'head = "softmax"'),
        ({"r_drop": -0.1}, "r_drop = -0.1"),
        ({"r_drop": 1.0, "head": "crf"}, "single token"),
        ({"r_drop": 1.0, "fgm": 1.0}, "one of them"),
        ({"fgm": 1.0, "compile": True}, "one of them"),
        ({"fgm": -1.0}, "fgm = -1.0"),
        ({"window_unit": "paragraph"}, "document or sentence"),
    ],
)
def test_a_value_that_cannot_be_meant_is_one_clear_error(small, model, words):
    with pytest.raises(ConfigError) as caught:
        tiny.make_nlp(small, **model)
    assert words in str(caught.value)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_come_back_with_the_pipeline(small, tmp_path):
    table = {"B-PER": 2.0, "O": 0.5}
    nlp = tiny.make_nlp(small, class_weights=table, fgm=0.25, window_unit="sentence", context=7)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    copied = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    for other in (loaded, copied):
        settings = shim_of(other).runner.settings
        assert (settings.fgm, settings.window_unit, settings.context) == (0.25, "sentence", 7)
        assert settings.class_weights == table
        assert shim_of(other).runner.weights.values() == shim_of(nlp).runner.weights.values()
    saved = json.loads((tmp_path / "cloudner" / "model" / "network.json").read_text())
    assert "tag_counts" not in saved


@pytest.mark.parametrize("extra", EXTRAS[1:], ids=NAMES[1:])
def test_it_still_learns(small, extra):
    nlp = tiny.make_nlp(small, **extra)
    examples, optimizer = tiny.make_examples(nlp), tiny.adamw(1e-2)
    losses = [nlp.update(examples, drop=0.1, sgd=optimizer)["cloudner"] for _ in range(8)]
    assert losses[-1] < 0.7 * losses[0]
