"""`cloudner.SharedNER.v1` on vectors that other components use too."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

import cloudner
import tiny
from cloudner import loading, training
from cloudner.errors import ConfigError
from cloudner.training.state import collect, restore

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2", "width": 24, "depth": 1, "embed_size": 200, "window_size": 1,
    "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None,
}  # fmt: skip
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 24, "upstream": "*"}
DATA = [
    (text, entities, ["NOUN" if word[0].isupper() else "X" for word in text.replace(".", " .").split()])
    for text, entities in tiny.DATA
]


def shared(tok2vec, **model):
    return {"model": {"@architectures": "cloudner.SharedNER.v1", "tok2vec": tok2vec, **model}}


def examples_of(nlp):
    return [Example.from_dict(nlp.make_doc(t), {"entities": e, "tags": tags}) for t, e, tags in DATA]


def learn(nlp, steps: int = 50, rate: float = 0.02):
    examples = examples_of(nlp)
    fix_random_seed(0)  # the transformer's dropout
    nlp.initialize(lambda: examples)
    optimizer = tiny.adamw(rate, grad_clip=1.0)
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


def gold(nlp):
    return [[(e.start_char, e.end_char, e.label_) for e in nlp(text).ents] for text, _, _ in DATA]


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_on_a_tok2vec_of_its_own(tmp_path, head):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=shared(TOK2VEC, head=head))
    losses = learn(nlp)
    assert losses["cloudner"] < 0.1
    assert gold(nlp) == [e for _, e, _ in DATA]
    assert all(e._.confidence > 0.5 for e in nlp(DATA[0][0]).ents)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert gold(loaded) == gold(nlp)
    docs = [nlp.make_doc(text) for text, _, _ in DATA]
    np.testing.assert_allclose(
        loaded.get_pipe("cloudner").model.predict(docs).scores,
        nlp.get_pipe("cloudner").model.predict(docs).scores,
        atol=1e-6,
    )
    assert [doc.text for doc in nlp.pipe(["", " ", "Paris"])] == ["", " ", "Paris"]


def test_the_gradient_that_goes_up_is_that_of_the_summed_loss():
    """Against a difference quotient of the loss in the vectors themselves."""
    from cloudner.model.runners.inputs import Gold
    from cloudner.pieces.gold import gold_tags

    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("cloudner", config=shared(TOK2VEC))
    examples = examples_of(nlp)
    nlp.initialize(lambda: examples)
    runner = pipe.model.shims[0].runner
    docs = [eg.predicted for eg in examples]
    vectors = [v.copy() for v in pipe.model.get_ref("tok2vec").predict(docs)]
    given = Gold(docs, gold_tags(examples, pipe.scheme), docs)
    _, gradients = runner.accumulate(pipe.model, given, vectors)
    assert [g.shape for g in gradients] == [v.shape for v in vectors]

    def summed_loss(delta: float) -> float:
        moved = [v.copy() for v in vectors]
        moved[3][2, 5] += delta
        return float(runner.accumulate(pipe.model, given, moved)[0])

    assert gradients[3][2, 5] == pytest.approx((summed_loss(0.05) - summed_loss(-0.05)) / 0.1, rel=0.02)


@pytest.fixture(scope="module")
def joint():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}})
    nlp.add_pipe("cloudner", config=shared(LISTENER))
    nlp.losses = learn(nlp)
    return nlp


@pytest.mark.parametrize("tok2vec", [LISTENER, TOK2VEC], ids=["listener", "its own"])
def test_a_resumed_training_ends_with_the_same_bytes(tok2vec):
    """The moments of AdamW belong to the state of the head as well."""

    def begun():
        nlp = spacy.blank("xx")
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
        nlp.add_pipe("cloudner", config=shared(tok2vec))
        examples = tiny.make_examples(nlp)
        nlp.initialize(lambda: examples)
        return nlp, examples, tiny.adamw(0.02)

    def steps(nlp, examples, optimizer):
        for _ in range(3):
            nlp.update(examples, sgd=False)
            for _, pipe in nlp.pipeline:  # as a training loop does: all gradients are there
                pipe.finish_update(optimizer)
            optimizer.step_schedules()

    fix_random_seed(0)
    whole, resumed = begun(), begun()
    steps(*whole)
    tensors, facts = collect(whole[0], whole[2], "cpu")
    tensors, facts = {name: value.clone() for name, value in tensors.items()}, json.loads(json.dumps(facts))
    restore(resumed[0], resumed[2], "cpu", tensors, facts, 3)
    steps(*whole)
    steps(*resumed)
    for name in ("tok2vec", "cloudner"):
        one, other = (nlp.get_pipe(name).model.to_bytes() for nlp in (whole[0], resumed[0]))
        assert one == other
    del facts["pipes"]["cloudner"]  # a checkpoint of an earlier version is still read
    restore(resumed[0], resumed[2], "cpu", tensors, facts, 0)


def test_it_trains_jointly_with_a_tagger(joint):
    assert joint.losses["tagger"] < 0.5
    assert joint.losses["cloudner"] < 0.1
    assert gold(joint) == [e for _, e, _ in DATA]
    assert [t.tag_ for t in joint(DATA[1][0])] == DATA[1][2]


def test_saved_and_loaded(joint, tmp_path):
    joint.to_disk(tmp_path)
    assert gold(spacy.load(tmp_path)) == gold(joint)


def test_replace_listeners_and_sourcing(joint, tmp_path):
    joint.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    nlp.replace_listeners("tok2vec", "cloudner", ["model.tok2vec"])
    alone = nlp.config["components"]["cloudner"]["model"]["tok2vec"]
    assert alone["@architectures"] == "spacy.HashEmbedCNN.v2"
    assert gold(nlp) == gold(joint)
    nlp.to_disk(tmp_path / "replaced")
    again = spacy.load(tmp_path / "replaced", exclude=["tok2vec", "tagger"])
    assert gold(again) == gold(joint)
    # What is sourced with its listener replaced needs nothing of the pipeline it came from.
    other = spacy.blank("en")
    other.add_pipe("cloudner", source=nlp)
    assert gold(other) == gold(joint)


def test_sourcing_replaces_listeners_by_config(joint, tmp_path):
    joint.to_disk(tmp_path)
    config = spacy.util.Config({
        "nlp": {"lang": "en", "pipeline": ["cloudner"]},
        "components": {"cloudner": {"source": str(tmp_path), "replace_listeners": ["model.tok2vec"]}},
    })  # fmt: skip
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    assert gold(nlp) == gold(joint)


def test_frozen_upstream_stays(joint, tmp_path):
    joint.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    before = nlp.get_pipe("tok2vec").model.to_bytes()
    nlp.update(examples_of(nlp), sgd=tiny.adamw(0.01), exclude=["tok2vec", "tagger"], annotates=["tok2vec"])
    assert nlp.get_pipe("tok2vec").model.to_bytes() == before


def test_docs_reach_the_listener_in_upstream_order_and_backprop_is_called_once():
    """Recorded at the listener itself while a joint pipeline is updated."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    pipe = nlp.add_pipe("cloudner", config=shared(LISTENER))
    examples = examples_of(nlp)
    nlp.initialize(lambda: examples)
    upstream = nlp.get_pipe("tok2vec")
    listener = upstream.listeners[0]
    calls = []
    original = listener._backprop, listener.receive

    def receive(batch_id, outputs, backprop):
        def counted(d_outputs):
            calls.append([len(d) for d in d_outputs])
            return backprop(d_outputs)

        original[1](batch_id, outputs, counted if backprop else backprop)

    listener.receive = receive
    nlp.update(examples, sgd=tiny.adamw(0.01))
    assert calls == [[len(eg.predicted) for eg in examples]]
    calls.clear()  # docs that teach nothing still owe the listener its gradient
    unknown = [Example(nlp.make_doc(t), nlp.make_doc(t)) for t, _, _ in DATA]
    nlp.update(unknown, sgd=tiny.adamw(0.01))
    assert calls == [[len(eg.predicted) for eg in unknown]]
    assert pipe.labels == tiny.LABELS


# -- a transformer that other components use too ------------------------------------------------------------------


def transformer_config(folder):
    return {
        "model": {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(folder),
            "tokenizer_config": {"use_fast": True},
            "transformer_config": {},
            "mixed_precision": False,
            "grad_scaler_config": {},
            "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 64, "stride": 48},
        }
    }


def trf_listener():
    return {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }


@pytest.fixture(scope="module")
def transformer_pipeline(bert):
    pytest.importorskip(
        "spacy_transformers", reason="needs the extra cloudner[shared]; accepts no transformers 5"
    )
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config=transformer_config(bert))
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": trf_listener()}})
    nlp.add_pipe("cloudner", config=shared(trf_listener()))
    nlp.losses = learn(nlp, steps=60, rate=0.01)
    return nlp


def test_without_spacy_transformers_the_extra_is_named(tmp_path, monkeypatch):
    """In training and in loading; what the config does not need is not asked for."""
    configs = Path(__file__).resolve().parents[2] / "configs"
    monkeypatch.setitem(sys.modules, "spacy_transformers", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"TransformerListener.*pip install \"cloudner\[shared\]\""):
        training.resolve(configs / "shared.cfg", gpu_id=-1)
    (tmp_path / "config.cfg").write_bytes((configs / "shared.cfg").read_bytes())
    (tmp_path / "meta.json").write_text("{}", encoding="utf8")
    with pytest.raises(ConfigError, match=r"cloudner\[shared\]"):
        cloudner.load(tmp_path, device="cpu")
    for config in configs.glob("*.cfg"):
        if config.name != "shared.cfg":
            loading.check_shared(config)


def test_transformer_tagger_and_cloudner_train_jointly(transformer_pipeline, tmp_path):
    nlp = transformer_pipeline
    assert nlp.losses["cloudner"] < 0.2
    assert nlp.losses["tagger"] < 2.0
    assert gold(nlp) == [e for _, e, _ in DATA]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert gold(loaded) == gold(nlp)
    assert [t.tag_ for t in loaded(DATA[1][0])] == DATA[1][2]


def test_replace_listeners_of_a_transformer(transformer_pipeline, tmp_path):
    transformer_pipeline.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    nlp.replace_listeners("transformer", "cloudner", ["model.tok2vec"])
    assert gold(nlp) == gold(transformer_pipeline)
    nlp.to_disk(tmp_path / "replaced")
    again = spacy.load(tmp_path / "replaced", exclude=["transformer", "tagger"])
    assert gold(again) == gold(transformer_pipeline)


def _one_number_is_a_float() -> bool:
    """numpy 2.4 refuses what numpy 1.25 began to deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return float(np.zeros(1)) == 0.0
        except TypeError:
            return False


def test_a_curated_transformers_listener(bert):
    """The listener of spacy-curated-transformers on its own encoder with random weights."""
    pytest.importorskip("spacy_curated_transformers")
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "curated_transformer",
        config={
            "model": {
                "@architectures": "spacy-curated-transformers.RobertaTransformer.v1",
                "vocab_size": 1000,
                "hidden_width": 24,
                "intermediate_width": 32,
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "max_position_embeddings": 130,
                "model_max_length": 128,
                "piece_encoder": {"@architectures": "spacy-curated-transformers.CharEncoder.v1"},
                "with_spans": {
                    "@architectures": "spacy-curated-transformers.WithStridedSpans.v1",
                    "stride": 48,
                    "window": 64,
                },
            }
        },
    )
    listener = {
        "@architectures": "spacy-curated-transformers.LastTransformerLayerListener.v1",
        "width": 24,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
    nlp.add_pipe("cloudner", config=shared(listener))
    examples = examples_of(nlp)
    nlp.config["initialize"]["components"]["curated_transformer"] = {
        "piecer_loader": {
            "@model_loaders": "spacy-curated-transformers.CharEncoderLoader.v1",
            "path": str(bert / "vocab.txt"),
        },
    }
    characters = sorted({c for text, _, _ in DATA for c in text})
    (bert / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *characters]))
    nlp.initialize(lambda: examples)
    try:
        nlp.update(examples, sgd=tiny.adamw(0.01))
    except TypeError as error:
        if _one_number_is_a_float() or "0-dimensional" not in str(error):
            raise
        pytest.skip("spacy-curated-transformers takes float() of a (1,) array, which this numpy refuses")
    optimizer = tiny.adamw(0.01)
    losses = [nlp.update(examples, sgd=optimizer)["cloudner"] for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    assert any(doc.ents for doc in nlp.pipe(text for text, _, _ in DATA))


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_empty_documents_in_an_update(head):
    """The listener's batch and ours are the same documents: what is left out here has its gradients sent elsewhere."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.add_pipe("cloudner", config=shared(LISTENER, head=head))
    examples = examples_of(nlp)
    nlp.initialize(lambda: examples)
    nothing = [Example.from_dict(nlp.make_doc(text), {}) for text in ("", " ", "")]
    mixed = [nothing[0], examples[0], nothing[1], *examples[1:], nothing[2]]
    optimizer = tiny.adamw(0.02, grad_clip=1.0)
    for _ in range(50):
        losses = nlp.update(mixed, sgd=optimizer)
    assert losses["cloudner"] < 0.1
    assert gold(nlp) == [e for _, e, _ in DATA]
    nlp.update(nothing, sgd=optimizer)
    nlp.update(nothing[:1], sgd=optimizer)  # not a token: as spaCy's ner, which leaves the listener alone
    assert gold(nlp) == [e for _, e, _ in DATA]


def test_an_empty_document_changes_no_gradient():
    def after(texts):
        nlp = spacy.blank("en")
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
        nlp.add_pipe("cloudner", config=shared(LISTENER))
        fix_random_seed(0)
        tiny.start(nlp, examples_of(nlp))
        by_text = {eg.text: eg for eg in examples_of(nlp)}
        batch = [by_text.get(text) or Example.from_dict(nlp.make_doc(text), {}) for text in texts]
        nlp.update(batch, sgd=tiny.adamw(0.02))
        return nlp.get_pipe("tok2vec").model.predict([nlp.make_doc("Marie Curie")])[0]

    texts = [text for text, _, _ in DATA]
    expected = after(texts)
    for mixed in (["", *texts], [texts[0], "", *texts[1:]], [*texts, ""]):
        np.testing.assert_allclose(after(mixed), expected, atol=1e-5)
