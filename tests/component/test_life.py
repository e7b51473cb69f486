"""From `add_pipe` to a trained component, as people write it by hand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

import tiny
from cloudner.errors import CloudnerError, ConfigError


def test_blank_add_pipe_initialize_update(bert):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("cloudner", config=tiny.settings(bert))
    examples = tiny.make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert pipe.labels == tiny.LABELS
    optimizer = tiny.adamw(1e-2)
    losses = [nlp.update(examples, sgd=optimizer)["cloudner"] for _ in range(25)]
    assert all(isinstance(loss, float) for loss in losses)
    assert losses[-1] < 0.05 * losses[0]
    for text, gold in tiny.DATA:
        doc = nlp(text)
        assert [(e.start_char, e.end_char, e.label_) for e in doc.ents] == gold
        assert all(0.5 < e._.confidence <= 1 for e in doc.ents)
        assert all(token.ent_iob != 0 for token in doc)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_losses_grow_by_the_mean_and_are_returned(bert):
    nlp = tiny.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner")
    examples = tiny.make_examples(nlp)
    one = pipe.update(examples)["cloudner"]
    # Seven tags, nothing learned: the uniform loss but for how far O starts ahead.
    ahead = float(pipe.model.shims[0].network.head.linear.bias[0])
    share = np.mean([token.ent_iob_ == "O" for eg in examples for token in eg.reference])
    assert one == pytest.approx(np.log(np.exp(ahead) + 6) - share * ahead, rel=0.2)
    losses = {"cloudner": 1.0, "other": 2.0}
    assert pipe.update(examples, losses=losses) is losses
    assert losses == {"cloudner": pytest.approx(1.0 + one), "other": 2.0}
    loss, gradient = pipe.get_loss(examples, pipe.model.predict([eg.predicted for eg in examples]))
    assert loss == pytest.approx(one, rel=1e-4)
    assert gradient is None


@pytest.mark.parametrize(
    "model", [{"head": "crf"}, {"label_smoothing": 0.2}, {"class_weights": {"PER": 3.0}}, {"r_drop": 1.0}]
)
def test_get_loss_is_that_of_training(bert, model):
    nlp = tiny.make_nlp(bert, **model)
    pipe, examples = (
        nlp.get_pipe("cloudner"),
        [*tiny.make_examples(nlp), Example(nlp.make_doc(""), nlp.make_doc(""))],
    )
    loss, gradient = pipe.get_loss(examples, pipe.model.predict([eg.predicted for eg in examples]))
    assert gradient is None
    assert pipe.update(examples)["cloudner"] == pytest.approx(loss, rel=1e-4)
    assert pipe.get_loss(examples[-1:], pipe.model.predict([nlp.make_doc("")])) == (0.0, None)


def test_before_initialisation_it_says_what_to_do(bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    with pytest.raises(ValueError, match="initialize"):
        nlp("Marie Curie")


def test_labels_given_found_and_added(bert):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("cloudner", config=tiny.settings(bert))
    assert pipe.labels == ()
    assert pipe.add_label("ORG") == 1
    assert pipe.add_label("ORG") == 0
    with pytest.raises(ValueError, match="E187"):
        pipe.add_label(3)
    examples = tiny.make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert pipe.labels == ("ORG", "LOC", "PER")  # those added first keep their place
    pipe.initialize(lambda: examples, nlp=nlp, labels=["X", "LOC", "ORG", "PER"])
    assert pipe.labels == ("X", "LOC", "ORG", "PER")
    assert pipe.label_data == ["X", "LOC", "ORG", "PER"]
    assert pipe.model.get_dim("nO") == 9
    pipe.initialize(lambda: examples, nlp=nlp, labels=pipe.label_data)
    assert pipe.labels == ("X", "LOC", "ORG", "PER")


@pytest.mark.parametrize(
    "labels", ["PER", {"0": {}, "1": {"PER": 4}, "4": {"PER": 4, "": 1}}, ["PER", ""], ["PER", 1], b"PER"]
)
@pytest.mark.parametrize("factory", ["cloudner", "cloudner_spans"])
def test_labels_that_are_no_list_of_names_are_refused(factory, labels):
    """The table is what `spacy init labels` writes for spaCy's `ner`: its keys are transitions."""
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe(factory)
    with pytest.raises(ConfigError, match=f"^{factory}: .*list of names"):
        pipe.initialize(lambda: tiny.make_examples(nlp), nlp=nlp, labels=labels)


def test_a_label_given_twice_is_one(bert):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("cloudner", config=tiny.settings(bert))
    pipe.initialize(
        lambda: tiny.make_examples(nlp), nlp=nlp, labels=(x for x in ("PER", "LOC", "PER", "ORG"))
    )
    assert pipe.labels == ("PER", "LOC", "ORG")
    with pytest.raises(ConfigError, match="the label ''"):
        pipe.add_label("")


@pytest.mark.parametrize("anew", [True, False], ids=["initialized anew", "from a base"])
def test_a_calibration_of_other_weights_is_forgotten(trained, bert, anew, tmp_path):
    fitted = {"temperature": 3.0, "platt": [0.5, -1.0], "fitted_o_shift": -2.0}
    trained.get_pipe("cloudner").cfg.update(fitted)
    trained.to_disk(tmp_path / "base")
    nlp = spacy.load(tmp_path / "base")
    cfg = nlp.get_pipe("cloudner").cfg
    assert {name: cfg[name] for name in fitted} == fitted  # loading changes nothing
    examples = tiny.make_examples(nlp)
    if anew:
        nlp.initialize(lambda: examples)
    else:
        nlp.get_pipe("cloudner").initialize(lambda: examples, base=str(tmp_path / "base" / "cloudner"))
    assert {name: cfg[name] for name in fitted} == {"temperature": 1, "platt": [1, 0], "fitted_o_shift": 0}


@pytest.mark.parametrize(
    ("factory", "key"), [("cloudner", None), ("cloudner", "sc"), ("cloudner_spans", None)]
)
def test_entities_that_do_not_align_are_told(bert, factory, key, caplog):
    nlp = spacy.blank("xx")
    architecture = {"cloudner": "TransformerNER", "cloudner_spans": "SpansNER"}[factory]
    model = {**tiny.settings(bert)["model"], "@architectures": f"cloudner.{architecture}.v1"}
    pipe = nlp.add_pipe(factory, config={"model": model, **({"gold_spans_key": key} if key else {})})
    examples = []
    for words, spaces in (
        [["Ada", "in", "Paris"], [1, 1, 0]],
        [["A", "da", "in", "Par", "is"], [0, 1, 1, 0, 0]],
    ):
        reference = Doc(spacy.blank("xx").vocab, words=words, spaces=spaces)
        entities = [
            Span(reference, 0, 1, "PER"),
            Span(reference, reference[-1].i - len(words) // 4, len(words), "LOC"),
        ]
        if key:
            reference.spans[key] = entities
        else:
            reference.ents = entities
        examples.append(Example(nlp.make_doc(reference.text), reference))
    pipe.initialize(lambda: examples, nlp=nlp)
    assert f"{factory}: 1 of the 4 annotated entities begin or end inside a token" in caplog.text
    assert "'A', PER" in caplog.text
    caplog.clear()
    pipe.initialize(lambda: examples[:1], nlp=nlp)
    assert "annotated entities" not in caplog.text


def test_no_labels_at_all(bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    with pytest.raises(ConfigError, match="no entity labels"):
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("nothing here"), {"entities": []})])


def test_an_unseen_label_in_training(bert):
    nlp = tiny.make_nlp(bert)
    with pytest.raises(CloudnerError, match="GPE"):
        nlp.update(tiny.make_examples(nlp, [("in Paris", [(3, 8, "GPE")])]), sgd=tiny.adamw())


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_training_on_with_a_new_label(bert, head):
    nlp = tiny.overfit(tiny.make_nlp(bert, head=head))
    pipe = nlp.get_pipe("cloudner")
    docs = [nlp.make_doc(text) for text, _ in tiny.DATA]
    before = pipe.model.predict(docs).scores
    assert pipe.add_label("DATE") == 1
    after = pipe.model.predict(docs).scores
    assert after.shape[1] == before.shape[1] + 2
    np.testing.assert_allclose(after[:, : before.shape[1]], before, atol=1e-6)  # what was learned is kept
    data = [*tiny.DATA, ("Apple bought Beats in 2014", [(0, 5, "ORG"), (13, 18, "ORG"), (22, 26, "DATE")])]
    del data[1]
    optimizer = nlp.resume_training()
    assert optimizer is not None
    tiny.overfit(nlp, data=data)
    assert [e.label_ for e in nlp(data[-1][0]).ents] == ["ORG", "ORG", "DATE"]
    assert [e.label_ for e in nlp(data[0][0]).ents] == ["PER", "LOC"]


def test_resume_training_from_disk(trained):
    before = trained.evaluate(tiny.make_examples(trained))["ents_f"]
    trained.resume_training()
    losses = trained.update(tiny.make_examples(trained), sgd=tiny.adamw(1e-4))
    assert losses["cloudner"] < 0.5
    assert trained.evaluate(tiny.make_examples(trained))["ents_f"] == before == 1.0


def test_rehearse_is_refused_with_a_reason(trained):
    optimizer = trained.resume_training()
    with pytest.raises(NotImplementedError, match="earlier training"):
        trained.rehearse(tiny.make_examples(trained), sgd=optimizer)


def test_create_optimizer(bert):
    from thinc.api import Optimizer

    assert isinstance(tiny.make_nlp(bert).get_pipe("cloudner").create_optimizer(), Optimizer)


def test_a_stock_default_optimizer_trains_too(bert):
    nlp = tiny.make_nlp(bert)
    optimizer = nlp.create_optimizer()
    examples = tiny.make_examples(nlp)
    losses = [nlp.update(examples, sgd=optimizer)["cloudner"] for _ in range(6)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("other", [None, "tagger"])
def test_the_default_optimizer_is_replaced_or_where_others_train_told(other, bert, caplog):
    from spacy.language import DEFAULT_CONFIG

    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    if other:
        nlp.add_pipe(other)
    gold = {"entities": [(0, 3, "PER")], "tags": ["N", "V", "P"]}
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Ann ran."), gold)])
    kept = nlp.config["training"]["optimizer"] == DEFAULT_CONFIG["training"]["optimizer"]
    assert kept == bool(other)
    assert "ruins a pretrained encoder" in caplog.text
    assert ("other components are trained too" in caplog.text) == bool(other)


def test_update_without_an_optimizer_only_accumulates(bert):
    nlp = tiny.make_nlp(bert)
    before = tiny.weights(nlp)
    nlp.get_pipe("cloudner").update(tiny.make_examples(nlp))
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
    nlp.get_pipe("cloudner").finish_update(tiny.adamw())
    assert tiny.largest_difference(before, tiny.weights(nlp)) > 0


def test_examples_that_teach_nothing(bert):
    nlp = tiny.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner")
    before = tiny.weights(nlp)
    assert pipe.update([], sgd=tiny.adamw())["cloudner"] == 0
    empty = Example(nlp.make_doc(""), nlp.make_doc(""))
    blank = Example.from_dict(nlp.make_doc(" \n"), {"entities": []})
    assert pipe.update([empty], sgd=tiny.adamw())["cloudner"] == 0
    assert pipe.update([empty, blank], sgd=tiny.adamw())["cloudner"] == 0
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
    assert pipe.update([empty, blank, *tiny.make_examples(nlp)], sgd=tiny.adamw())["cloudner"] > 0
    with pytest.raises(TypeError, match="E978"):
        pipe.update([nlp.make_doc("no example")], sgd=tiny.adamw())


def test_predict_writes_nothing_and_set_annotations_does(trained):
    pipe = trained.get_pipe("cloudner")
    docs = [trained.make_doc(text) for text, _ in tiny.DATA]
    predictions = pipe.predict(docs)
    assert not any(doc.ents or doc.user_data for doc in docs)
    assert all(token.ent_iob == 0 for doc in docs for token in doc)
    pipe.set_annotations(docs, predictions)
    assert [tiny.ents(d) for d in docs] == [tiny.ents(trained(text)) for text, _ in tiny.DATA]


def test_call_is_pipe(trained):
    pipe = trained.get_pipe("cloudner")
    doc = trained.make_doc(tiny.DATA[0][0])
    assert pipe(doc) is doc
    assert tiny.ents(doc) == [(0, 2, "PER"), (4, 5, "LOC")]


# -- gold as people have it ---------------------------------------------------------------------------------------


def test_doc_spans_as_gold(bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config={**tiny.settings(bert), "gold_spans_key": "gold"})
    examples = []
    for text, entities in tiny.DATA:
        reference = nlp.make_doc(text)
        reference.spans["gold"] = [reference.char_span(s, e, label) for s, e, label in entities]
        examples.append(Example(nlp.make_doc(text), reference))
    tiny.start(nlp, examples)
    assert nlp.get_pipe("cloudner").labels == tiny.LABELS
    optimizer = tiny.adamw(1e-2)
    for _ in range(25):
        nlp.update(examples, sgd=optimizer)
    assert [(e.start_char, e.end_char, e.label_) for e in nlp(tiny.DATA[0][0]).ents] == tiny.DATA[0][1]


def test_several_components_with_different_labels(bert):
    nlp = spacy.blank("en")
    for name, key in (("people", "per"), ("places", "loc")):
        nlp.add_pipe("cloudner", name=name, config={**tiny.settings(bert), "gold_spans_key": key})
    examples = []
    for text, entities in tiny.DATA:
        reference = nlp.make_doc(text)
        for key in ("per", "loc"):
            reference.spans[key] = [
                reference.char_span(s, e, label) for s, e, label in entities if label.lower() == key
            ]
        examples.append(Example(nlp.make_doc(text), reference))
    tiny.start(nlp, examples)
    assert nlp.get_pipe("people").labels == ("PER",)
    assert nlp.get_pipe("places").labels == ("LOC",)
    optimizer = tiny.adamw(1e-2)
    for _ in range(25):
        losses = nlp.update(examples, sgd=optimizer)
    assert set(losses) == {"people", "places"}
    doc = nlp(tiny.DATA[3][0])
    assert [e.label_ for e in doc.ents] == ["PER", "LOC", "LOC"]
    assert all(e._.confidence > 0.5 for e in doc.ents)
    with nlp.select_pipes(disable="places"):
        assert [e.label_ for e in nlp(tiny.DATA[3][0]).ents] == ["PER"]


def test_text_as_it_comes(trained):
    """Nothing a string can hold stops a pipeline, and offsets stay true."""
    texts = ["", " ", "\n\n\t", "\u200b", "\x00\x01", "👩‍👩‍👧‍👦 🇫🇷", "ראש הממשלה", "x" * 100_000, "e\u0301 İ ﷺ", "  Marie Curie  lived in Paris. ",
             "a" * 3000 + " Marie Curie", "Marie\u200dCurie\ufeff"]  # fmt: skip
    docs = list(trained.pipe(texts))
    assert [doc.text for doc in docs] == texts
    for doc in docs:
        for ent in doc.ents:
            assert not ent.text[0].isspace()
            assert not ent.text[-1].isspace()
            assert doc.text[ent.start_char : ent.end_char] == ent.text
        assert all(token.ent_iob == 0 or token.ent_iob in (1, 2, 3) for token in doc)


def test_a_doc_of_any_vocab_words(trained):
    doc = Doc(trained.vocab, words=["Marie", "Curie", " ", "Paris"], spaces=[True, True, False, False])
    assert trained.get_pipe("cloudner")(doc) is doc


def test_docs_of_another_vocabulary(trained):
    """As they come from a DocBin read with a blank pipeline's: their vocabulary has never heard of the labels."""
    others = [spacy.blank("xx"), spacy.blank("xx")]
    docs = [other.make_doc(tiny.DATA[0][0]) for other in [*others, trained, *others]]
    for doc in trained.pipe(docs):
        assert tiny.ents(doc) == [(0, 2, "PER"), (4, 5, "LOC")]
        assert [token.ent_type_ for token in doc[:3]] == ["PER", "PER", ""]


def test_annotating_and_frozen_components(bert):
    """As `spacy train` does it: annotating components run on the predicted docs, frozen ones are not updated."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    tiny.start(nlp)
    ruler.add_patterns([{"label": "ORG", "pattern": "Beats"}])  # initialising clears a ruler
    examples = tiny.make_examples(nlp)
    optimizer = tiny.adamw(1e-2)
    for _ in range(3):
        losses = nlp.update(examples, sgd=optimizer, annotates=["entity_ruler"])
    assert losses["cloudner"] > 0
    before = tiny.weights(nlp)
    losses = nlp.update(examples, sgd=optimizer, exclude=["cloudner"], annotates=["cloudner"])
    assert "cloudner" not in losses
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0


def test_select_pipes(trained):
    text = tiny.DATA[0][0]
    with trained.select_pipes(disable="cloudner"):
        assert not trained(text).ents
    assert trained(text).ents
    trained.add_pipe("sentencizer")
    with trained.select_pipes(enable="cloudner"):
        doc = trained(text)
        assert doc.ents
        assert not doc.has_annotation("SENT_START")


def test_span_extension_is_ours_only_by_name():
    assert Span.has_extension("confidence")


def test_set_output_is_refused(bert):
    """An output without a label would be one that no entity can come from."""
    with pytest.raises(NotImplementedError):
        tiny.make_nlp(bert).get_pipe("cloudner").set_output(12)


def test_settings_of_the_transition_parser_are_refused(bert):
    for setting in ("moves", "update_with_oracle_cut_size", "incorrect_spans_key"):
        with pytest.raises(ValueError, match=setting):
            spacy.blank("en").add_pipe("cloudner", config={**tiny.settings(bert), setting: None})


TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 50, "window_size": 1, "maxout_pieces": 2,
    "subword_features": True, "pretrained_vectors": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("factory", "model", "expected"),
    [
        ("cloudner", {"@architectures": "cloudner.SpansNER.v1", "encoder": "e"}, "TransformerNER"),
        ("cloudner", TOK2VEC, "TransformerNER"),
        ("cloudner_spans", {"@architectures": "cloudner.TransformerNER.v1", "encoder": "e"}, "SpansNER"),
        ("cloudner_spans", TOK2VEC, "SpansNER"),
    ],
)
def test_a_model_of_another_component_is_refused(factory, model, expected):
    with pytest.raises(ConfigError, match=rf"^{factory}: the model .* expected .*{expected}"):
        spacy.blank("xx").add_pipe(factory, config={"model": model})


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "modernbert", "deberta-v3"])
@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_what_has_learned_nothing_finds_nothing(family, head, encoder_folder):
    for seed in range(3):
        nlp = tiny.make_nlp(encoder_folder(family), seed=seed, head=head)
        assert [doc.ents for doc in nlp.pipe(tiny.TEXT)] == [()] * len(tiny.TEXT)


def test_a_pickled_pipeline_has_confidences_in_a_fresh_process(fresh, trained, tmp_path):
    (tmp_path / "pickle").write_bytes(pickle.dumps(trained))
    code = "import pickle, sys; doc = pickle.load(open(sys.argv[1], 'rb'))(sys.argv[2]); print([round(e._.confidence) for e in doc.ents])"  # fmt: skip
    done = fresh.run("-c", code, tmp_path / "pickle", tiny.DATA[0][0])
    assert done.stdout.strip() == "[1, 1]", done.stderr[-500:]


@pytest.mark.parametrize("averages", [True, False])
def test_a_label_added_between_two_updates(averages, trained):
    """thinc's optimizer keeps moments of the head as it was."""
    from thinc.api import Adam

    optimizer = Adam(1e-4, use_averages=averages)
    trained.update(tiny.make_examples(trained), sgd=optimizer)
    trained.get_pipe("cloudner").add_label("DATE")
    with trained.use_params(optimizer.averages or {}):
        trained(tiny.DATA[0][0])
    data = [*tiny.DATA, ("It was in May", [(10, 13, "DATE")])]
    for _ in range(2):
        losses = trained.update(tiny.make_examples(trained, data), sgd=optimizer)
    assert np.isfinite(losses["cloudner"])
    with trained.use_params(optimizer.averages or {}):
        assert tiny.ents(trained(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]


def test_training_goes_on_at_a_rate_that_ruins_and_it_is_said(trained, caplog):
    from thinc.api import Adam

    trained.config["training"]["optimizer"] = {"@optimizers": "Adam.v1", "learn_rate": 0.001}
    optimizer = trained.resume_training()
    for _ in range(2):
        trained.update(tiny.make_examples(trained), sgd=optimizer)
    assert caplog.text.count("ruins a pretrained encoder") == 1
    caplog.clear()
    trained.update(tiny.make_examples(trained), sgd=Adam(1e-4))
    trained.update(tiny.make_examples(trained), sgd=tiny.adamw(1e-2))
    assert "ruins" not in caplog.text
