"""Scores, confidences, thresholds and candidate spans."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

import tiny
from cloudner.errors import ConfigError

LABELS = ("LOC", "ORG", "PER")


def random_ents(doc: Doc, rng) -> None:
    spans, at = [], 0
    while at < len(doc):
        length = int(rng.integers(1, 4))
        if rng.random() < 0.4 and at + length <= len(doc):
            spans.append(Span(doc, at, at + length, label=str(rng.choice(LABELS))))
            at += length
        else:
            at += 1
    doc.ents = spans


def bio(doc: Doc) -> list[str]:
    return [t.ent_iob_ if t.ent_iob_ == "O" else f"{t.ent_iob_}-{t.ent_type_}" for t in doc]


@pytest.mark.parametrize("seed", range(4))
def test_spacys_scores_equal_seqevals_strict_scores(trained, seed):
    seqeval = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    rng = np.random.default_rng(seed)
    examples = []
    for _ in range(40):
        words = [f"w{i}" for i in range(int(rng.integers(1, 15)))]
        predicted, reference = Doc(trained.vocab, words=words), Doc(trained.vocab, words=words)
        random_ents(reference, rng)
        random_ents(predicted, rng) if rng.random() < 0.7 else setattr(
            predicted, "ents", [Span(predicted, s.start, s.end, s.label_) for s in reference.ents]
        )
        examples.append(Example(predicted, reference))
    scores = trained.get_pipe("cloudner").score(examples)
    gold, found = [bio(eg.reference) for eg in examples], [bio(eg.predicted) for eg in examples]
    strict = {"mode": "strict", "scheme": IOB2}
    for key, metric in (("p", "precision_score"), ("r", "recall_score"), ("f", "f1_score")):
        assert scores[f"ents_{key}"] == pytest.approx(
            getattr(seqeval, metric)(gold, found, **strict), abs=1e-9
        )
    report = seqeval.classification_report(gold, found, output_dict=True, **strict)
    for label in LABELS:
        assert scores["ents_per_type"][label]["f"] == pytest.approx(report[label]["f1-score"], abs=1e-9)
    assert 0 < scores["ents_f"] < 1


def test_evaluate_of_a_half_trained_pipeline_equals_seqeval(bert):
    seqeval = pytest.importorskip("seqeval.metrics")
    from seqeval.scheme import IOB2

    nlp = tiny.overfit(tiny.make_nlp(bert), steps=7)
    scores = nlp.evaluate(tiny.make_examples(nlp))
    examples = tiny.make_examples(nlp)
    gold = [bio(eg.reference) for eg in examples]
    found = [bio(nlp(eg.text)) for eg in examples]
    assert scores["ents_f"] == pytest.approx(seqeval.f1_score(gold, found, mode="strict", scheme=IOB2))


def test_confidence_survives_a_docbin_with_user_data(trained):
    doc = trained(tiny.DATA[0][0])
    expected = [e._.confidence for e in doc.ents]
    assert all(isinstance(p, float) for p in expected)
    for keep in (True, False):
        data = DocBin(docs=[doc], store_user_data=keep).to_bytes()
        (again,) = DocBin().from_bytes(data).get_docs(trained.vocab)
        assert [e._.confidence for e in again.ents] == (expected if keep else [None, None])
    assert [e._.confidence for e in Doc(trained.vocab).from_bytes(doc.to_bytes()).ents] == expected
    assert [e._.confidence for e in doc.copy().ents] == expected


def test_confidence_is_the_probability_of_the_entity(bert):
    """A half-trained model is unsure; the value is that of the decoder, of exactly this span and label."""
    nlp = tiny.overfit(tiny.make_nlp(bert), steps=9)
    docs = [nlp(text) for text, _ in tiny.DATA]
    values = [e._.confidence for doc in docs for e in doc.ents]
    assert values
    assert all(0 < v < 1 for v in values)
    pipe = nlp.get_pipe("cloudner")
    pipe.cfg["temperature"] = 4.0
    softer = [
        [(tiny.ents(d)), [e._.confidence for e in d.ents]] for d in nlp.pipe(text for text, _ in tiny.DATA)
    ]
    assert [ents for ents, _ in softer] == [tiny.ents(d) for d in docs]  # a temperature moves no entity
    assert [v for _, vs in softer for v in vs] != values


def test_confidence_can_be_switched_off(trained_folder):
    nlp = spacy.load(trained_folder, config={"components": {"cloudner": {"confidence": False}}})
    doc = nlp(tiny.DATA[0][0])
    assert doc.ents
    assert [e._.confidence for e in doc.ents] == [None, None]
    assert not doc.user_data


def test_threshold_leaves_out_what_is_below_it(bert, tmp_path):
    nlp = tiny.overfit(tiny.make_nlp(bert), steps=10)
    values = sorted(e._.confidence for text, _ in tiny.DATA for e in nlp(text).ents)
    assert len(values) > 1
    limit = (values[0] + values[-1]) / 2
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components": {"cloudner": {"threshold": limit}}})
    kept = sorted(e._.confidence for text, _ in tiny.DATA for e in loaded(text).ents)
    assert kept == pytest.approx([v for v in values if v >= limit], abs=1e-5)
    everything = spacy.load(tmp_path, config={"components": {"cloudner": {"threshold": 1.0}}})
    assert not any(doc.ents for doc in everything.pipe(text for text, _ in tiny.DATA))
    with pytest.raises(ConfigError, match="threshold"):
        spacy.load(tmp_path, config={"components": {"cloudner": {"threshold": 1.5}}})


def test_candidate_spans_with_their_probabilities(bert):
    nlp = tiny.overfit(tiny.make_nlp(bert, config={"spans_key": "ner", "spans_floor": 0.05}), steps=8)
    for text, _ in tiny.DATA:
        doc = nlp(text)
        group = doc.spans["ner"]
        scores = group.attrs["scores"]
        assert len(group) == len(scores)
        assert all(s >= 0.05 for s in scores)
        by_span = {(s.start, s.end, s.label_): p for s, p in zip(group, scores, strict=True)}
        for ent in doc.ents:
            if ent._.confidence >= 0.05:
                assert by_span[(ent.start, ent.end, ent.label_)] == pytest.approx(ent._.confidence, abs=1e-6)
    (again,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(nlp.vocab)
    assert again.spans["ner"].attrs["scores"] == pytest.approx(scores)


def test_candidate_spans_of_a_document_without_tokens(trained):
    """Alone or beside others, it has the group."""
    trained.get_pipe("cloudner").cfg["spans_key"] = "all"
    for texts in ([""], ["", "Marie Curie"]):
        doc = next(trained.pipe(texts))
        assert list(doc.spans) == ["all"]
        assert len(doc.spans["all"]) == len(doc.spans["all"].attrs["scores"]) == 0


def test_the_scorer_can_be_replaced(bert):
    from spacy.util import registry

    @registry.scorers("tests.constant.v1")
    def make():
        return lambda examples, **kwargs: {"ents_f": 0.25}

    nlp = tiny.make_nlp(bert, config={"scorer": {"@scorers": "tests.constant.v1"}})
    assert nlp.evaluate(tiny.make_examples(nlp))["ents_f"] == 0.25
