"""What a step does: decay, clipping, rate factors; stock optimizers and stock components."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import Adam, Optimizer, registry
from thinc.shims import PyTorchShim

import tiny
from cloudner.errors import ConfigError
from cloudner.model.training.optimizer import FusedAdamW, parameter_groups


def network_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0].network


def test_no_decay_on_biases_and_norms(bert):
    nlp = tiny.make_nlp(bert)
    network = network_of(nlp)
    decayed = {
        id(p) for g in parameter_groups(network, tiny.adamw()) if g["weight_decay"] for p in g["params"]
    }
    everything = {id(p) for g in parameter_groups(network, tiny.adamw()) for p in g["params"]}
    for name, parameter in network.named_parameters():
        assert id(parameter) in everything
        plain = "bias" in name or "LayerNorm" in name or "layer_norm" in name
        assert (id(parameter) in decayed) == (not plain), name


def test_decay_pulls_weights_and_leaves_biases(bert):
    """With a decay so strong that nothing else counts, weights shrink by rate x decay and biases do not."""
    nlp = tiny.make_nlp(bert)
    network = network_of(nlp)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "bias" in name:
                parameter.fill_(1.0)
    before = tiny.weights(nlp)
    nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-7, weight_decay=1e5))
    after = tiny.weights(nlp)
    key = "encoder.encoder.layer.0.attention.self.query"
    np.testing.assert_allclose(after[f"{key}.weight"], before[f"{key}.weight"] * 0.99, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(after[f"{key}.bias"], before[f"{key}.bias"], atol=1e-6)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_gradients_lie_in_memory_as_their_weights_do(family, encoder_folder):
    """The fused kernel on CUDA takes no others, and that of CPUs steps wrongly, without a word."""
    nlp = tiny.make_nlp(encoder_folder(family), head="crf")
    nlp.update(tiny.make_examples(nlp), sgd=False)
    parameters = [p for p in network_of(nlp).parameters() if p.grad is not None]
    assert parameters
    assert [p.grad.stride() for p in parameters] == [p.stride() for p in parameters]


def reference_step(nlp, rate=1e-3, clip=0.0, decay=0.0):
    """The same step by torch alone: mean loss, norm clipped over all parameters, AdamW."""
    pipe = nlp.get_pipe("cloudner")
    network = network_of(nlp)
    from cloudner.model.runners.inputs import Gold
    from cloudner.pieces.gold import gold_tags

    examples = tiny.make_examples(nlp)
    tags = gold_tags(examples, pipe.scheme)
    runner = pipe.model.shims[0].runner
    runner.accumulate(Gold([eg.predicted for eg in examples], tags, [eg.reference for eg in examples]))
    parameters = [p for p in network.parameters() if p.grad is not None]
    with torch.no_grad():
        for p in parameters:
            p.grad /= int((tags >= 0).sum())
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip) if clip else None
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    torch.optim.AdamW(groups, lr=rate).step()
    return float(norm) if norm is not None else None


@pytest.mark.parametrize("clip", [0.0, 0.05, 100.0])
def test_a_step_is_torchs_adamw_with_the_global_norm_clipped(bert, clip):
    ours, reference = tiny.make_nlp(bert), tiny.make_nlp(bert)
    norm = reference_step(reference, clip=clip, decay=0.01)
    ours.update(tiny.make_examples(ours), sgd=tiny.adamw(1e-3, grad_clip=clip, weight_decay=0.01))
    if norm is not None:
        assert ours.get_pipe("cloudner").model.shims[0].grad_norm == pytest.approx(norm, rel=1e-4)
        assert (norm > clip) == (clip < 1)
    # Adam divides by the gradient's own size, so entries that are all rounding error are left out of the comparison.
    a, b = tiny.weights(ours), tiny.weights(reference)
    differences = np.concatenate([np.abs(a[k].astype(float) - b[k]).ravel() for k in a])
    assert np.quantile(differences, 0.99) < 1e-6


def test_layer_decay_and_head_factor(bert):
    nlp = tiny.make_nlp(bert)
    network = network_of(nlp)
    scale = {
        id(p): group["scale"]
        for group in parameter_groups(network, tiny.adamw(layer_decay=0.5, head_factor=10.0))
        for p in group["params"]
    }
    named = dict(network.named_parameters())
    assert scale[id(named["head.linear.weight"])] == 10
    assert scale[id(named["encoder.encoder.layer.1.output.dense.weight"])] == 1
    assert scale[id(named["encoder.encoder.layer.0.output.dense.weight"])] == 0.5
    assert scale[id(named["encoder.embeddings.word_embeddings.weight"])] == 0.25


def test_head_factor_moves_the_head_further(bert):
    moved = []
    for factor in (1.0, 4.0):
        nlp = tiny.make_nlp(bert)
        before = tiny.weights(nlp)
        nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-3, head_factor=factor, weight_decay=0.0))
        after = tiny.weights(nlp)
        moved.append({k: np.abs(after[k] - before[k]).max() for k in ("head.linear.weight", "encoder.encoder.layer.1.output.dense.weight")})  # fmt: skip
    assert moved[1]["head.linear.weight"] == pytest.approx(4 * moved[0]["head.linear.weight"], rel=1e-2)
    key = "encoder.encoder.layer.1.output.dense.weight"
    assert moved[1][key] == pytest.approx(moved[0][key], rel=1e-2)


@pytest.mark.parametrize(
    "kwargs", [{"weight_decay": -1}, {"grad_clip": -1}, {"layer_decay": 0}, {"layer_decay": 1.5}, {"eps": -1}]
)
def test_settings_that_cannot_work(kwargs):
    with pytest.raises(ConfigError):
        tiny.adamw(**kwargs)


def test_it_is_found_by_name_and_is_a_thinc_optimizer():
    made = registry.resolve({"x": {"@optimizers": "cloudner.AdamW.v1", "learn_rate": 0.01}})["x"]
    assert isinstance(made, FusedAdamW)
    assert isinstance(made, Optimizer)


def test_it_trains_stock_components():
    """A tagger and a text classifier beside nothing of ours."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")
    nlp.add_pipe("textcat")
    data = [
        ("I like green eggs", ["PRON", "VERB", "ADJ", "NOUN"], "POS"),
        ("you hate blue ham", ["PRON", "VERB", "ADJ", "NOUN"], "NEG"),
    ]
    examples = [
        Example.from_dict(
            nlp.make_doc(t), {"tags": tags, "cats": {c: float(c == cat) for c in ("POS", "NEG")}}
        )
        for t, tags, cat in data
    ]
    nlp.initialize(lambda: examples)
    optimizer = tiny.adamw(0.01)
    for _ in range(40):
        losses = nlp.update(examples, sgd=optimizer)
    assert losses["tagger"] < 0.1
    for (text, tags, cat), doc in zip(data, nlp.pipe(t for t, _, _ in data), strict=True):
        assert [t.tag_ for t in doc] == tags, text
        assert max(doc.cats, key=doc.cats.get) == cat


STOCK = [
    {},
    {"L2": 0.01, "L2_is_weight_decay": True},
    {"L2": 0.01, "L2_is_weight_decay": False},
    {"grad_clip": 0.001},
    {"beta1": 0.5, "beta2": 0.9, "eps": 1e-4},
    {"use_averages": True},
]


@pytest.mark.parametrize("fields", STOCK, ids=lambda f: ",".join(f) or "plain")
def test_stock_adam_is_what_thincs_own_shim_makes_of_it(bert, fields):
    """Two steps with Adam.v1: our shim and PyTorchShim.finish_update on the same network and gradients."""
    ours, theirs = tiny.make_nlp(bert), tiny.make_nlp(bert)
    network = network_of(theirs)
    plain = PyTorchShim(network)
    adam_a, adam_b = (Adam(1e-3, **{"use_averages": False, **fields}) for _ in range(2))
    shim = ours.get_pipe("cloudner").model.shims[0]
    for _ in range(2):
        for nlp in (ours, theirs):
            nlp.get_pipe("cloudner").update(tiny.make_examples(nlp))
        labelled = theirs.get_pipe("cloudner").model.shims[0].labelled
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter.grad *= 1.0 / labelled
        plain.finish_update(adam_b)
        theirs.get_pipe("cloudner").model.shims[0].step.drop()
        ours.get_pipe("cloudner").finish_update(adam_a)
    assert tiny.largest_difference(tiny.weights(ours), tiny.weights(theirs)) < 1e-7
    if fields.get("use_averages"):
        assert adam_a.averages
        last = tiny.weights(ours)
        with ours.use_params(adam_a.averages):
            averaged = tiny.weights(ours)
        key = "head.linear.weight"
        assert np.abs(averaged[key] - last[key]).max() > 0
        np.testing.assert_allclose(averaged[key], adam_a.averages[(shim.id, key)], atol=1e-7)
        assert tiny.largest_difference(last, tiny.weights(ours)) == 0


def test_the_state_survives_between_steps(bert):
    """Momentum: two steps on the same data are not the same step twice."""
    nlp = tiny.make_nlp(bert)
    optimizer = tiny.adamw(1e-3)
    for _ in range(2):
        nlp.update(tiny.make_examples(nlp), sgd=optimizer)
    state = nlp.get_pipe("cloudner").model.shims[0].step.adamw.state
    assert {int(s["step"]) for s in state.values()} == {2}


def test_a_crf_decodes_with_the_transitions_that_the_step_left(bert):
    """torch's fused step changes weights without counting a version of them."""
    nlp = tiny.make_nlp(bert, head="crf")
    shim = nlp.get_pipe("cloudner").model.shims[0]
    before = shim.transitions().between.copy()
    optimizer = tiny.adamw(1e-2)
    for _ in range(2):
        nlp.update(tiny.make_examples(nlp, tiny.DATA), sgd=optimizer)
        between = shim.network.head.between.detach().numpy()
        assert (shim.transitions().between == between).all()
    assert abs(between - before).max() > 1e-3
