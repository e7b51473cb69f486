"""The temperature of a calibration: where there is much to fit it on, little, and nothing."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

import spans
import tiny
from cloudner.calibration import _fit_evidence, calibrate, calibrate_with
from cloudner.errors import InputError
from cloudner.model.decoding.evidence import Evidence
from cloudner.pieces.gold import gold_tags
from cloudner.pieces.scheme import TagScheme

SCHEME = TagScheme(("A", "B"))


@pytest.fixture(scope="module")
def half_trained(bert):
    return tiny.overfit(tiny.make_nlp(bert), steps=9)


def fresh(nlp):
    nlp.get_pipe("cloudner").cfg.update(temperature=1.0, platt=[1.0, 0.0], fitted_o_shift=0.0)
    return nlp


def fitted(folder, scores, gold):
    """By documents of ten tokens."""
    (folder / "ner").mkdir(exist_ok=True)
    (folder / "ner" / "cfg").write_text("{}")
    (folder / "meta.json").write_text("{}")
    offsets = np.arange(0, len(gold) + 1, 10)
    return calibrate_with(folder, "ner", Evidence(scores, offsets, gold, SCHEME, None)).temperature


def test_a_token_without_annotation_takes_no_document_away(tmp_path):
    """Gold tags drawn from scores that were then doubled."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (4000, SCHEME.n_tags)).astype(np.float32)
    scores[:, [2, 4]] -= 20  # no entity goes on
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gold = (p.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    whole = fitted(tmp_path, 2 * scores, gold)
    assert whole == pytest.approx(2, rel=0.05)
    gold[9::10] = -1  # the last token of each document
    assert fitted(tmp_path, 2 * scores, gold) == pytest.approx(whole, rel=0.02)


def test_one_entity_moves_it_little(half_trained):
    for label in ("PER", "LOC"):  # right, and wrong
        (one,) = tiny.make_examples(half_trained, [("Marie Curie lived here", [(0, 11, label)])])
        assert 0.7 < calibrate(fresh(half_trained), [one]).temperature < 1.5


def test_without_entities_it_is_1(half_trained):
    examples = tiny.make_examples(half_trained, [("nothing stands here", []), ("nor here", [])])
    assert calibrate(fresh(half_trained), examples).temperature == 1.0


def unannotated(nlp):
    return [Example(nlp.make_doc(text), Doc(nlp.vocab, words=text.split())) for text in ("Ada slept", "Yes")]


def test_without_annotation_there_is_nothing_to_fit_on(half_trained, bert):
    with pytest.raises(InputError, match="cloudner: nothing is annotated in the 2 documents"):
        calibrate(fresh(half_trained), unannotated(half_trained))
    assert half_trained.get_pipe("cloudner").cfg["temperature"] == 1.0
    nested = spans.make_nlp(bert)
    with pytest.raises(InputError, match="cloudner_spans: nothing is annotated"):
        calibrate(nested, unannotated(nested))


def test_one_span_moves_it_little(bert):
    nlp = spans.overfit(spans.make_nlp(bert))
    assert 0.5 < calibrate(nlp, spans.gold(nlp, spans.NESTED[:1])).temperature < 1.0
    nothing = spans.gold(nlp, [("no span stands here", [])])
    assert calibrate(nlp, nothing).temperature == 1.0


def test_the_components_before_it_prepare_the_documents(bert):
    """Read by sentences, which the sentencizer sets, or on the vectors that a tok2vec leaves in the documents."""
    text = "Marie Curie lived in Paris. Apple bought Beats in 2014. Angela Merkel met Apple."
    data = [(text, [(0, 11, "PER"), (21, 26, "LOC"), (28, 33, "ORG"), (56, 69, "PER")])] * 3
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 24, "upstream": "*"}
    shared = {"model": {"@architectures": "cloudner.SharedNER.v1", "tok2vec": listener}}
    vectors = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 24, "depth": 1, "embed_size": 200, "window_size": 1,
               "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None}  # fmt: skip
    for before, own, settings in (
        ("sentencizer", {}, tiny.settings(bert, window_unit="sentence", context=0)),
        ("tok2vec", {"model": vectors}, shared),
    ):
        nlp = spacy.blank("xx")
        nlp.add_pipe(before, config=own)
        nlp.add_pipe("cloudner", config=settings)
        tiny.start(nlp, tiny.make_examples(nlp, data))
        tiny.overfit(nlp, steps=3, rate=1e-3, data=data)
        found = calibrate(fresh(nlp), tiny.make_examples(nlp, data))
        prepared = [
            Example(nlp(eg.predicted, disable=["cloudner"]), eg.reference)
            for eg in tiny.make_examples(nlp, data)
        ]
        pipe = nlp.get_pipe("cloudner")
        scores = pipe.model.predict([eg.predicted for eg in prepared])
        evidence = Evidence(
            scores.scores, scores.offsets, gold_tags(prepared, pipe.scheme), pipe.scheme, None
        )
        assert found.temperature == pytest.approx(_fit_evidence(dict(pipe.cfg), evidence, "").temperature)
