"""The temperature of a calibration: where there is much to fit it on, little, and nothing."""

from __future__ import annotations

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.training import Example

import spans
import tiny
from cloudner.calibration import calibrate, calibrate_with
from cloudner.errors import InputError
from cloudner.model.decoding.evidence import Evidence
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
