"""The report on groups of spans: exact scores over all of them, by depth, with overlaps on the page."""

from __future__ import annotations

import json

import numpy as np
import pytest
import spacy
from spacy.scorer import Scorer
from spacy.tokens import DocBin, Span, SpanGroup
from spacy.training import Example

import spans
from cloudner.errors import InputError
from cloudner.folds.documents import annotated_in
from cloudner.loading import own_group
from cloudner.report.evaluate import evaluate
from cloudner.report.evaluation.scores import scores_by_depth, strict_scores
from cloudner.report.evaluation.spans import score_document
from cloudner.report.render.html import error_row

GOLD = [(0, 6, "ORG"), (0, 4, "ORG"), (3, 4, "LOC"), (3, 4, "GPE"), (5, 8, "MISC")]
FOUND = [(0, 6, "ORG"), (0, 4, "LOC"), (3, 4, "LOC"), (3, 4, "GPE"), (1, 2, "LOC")]


def example():
    nlp = spacy.blank("en")
    docs = []
    for there, scores in ((GOLD, None), (FOUND, np.linspace(0.5, 0.9, len(FOUND)))):
        doc = nlp.make_doc("a b c d e f g h")
        group = [Span(doc, start, end, label=label) for start, end, label in there]
        doc.spans["sc"] = SpanGroup(doc, spans=group, attrs={} if scores is None else {"scores": scores})
        docs.append(doc)
    return Example(docs[1], docs[0])


def test_counts_are_spacys():
    eg = example()
    document = score_document(eg, "sc")
    assert document.correct == [True, False, True, True, False]
    assert document.confidence == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    expected = Scorer.score_spans([eg], "sc", getter=lambda doc, key: doc.spans[key], allow_overlap=True)
    assert (expected["sc_p"], expected["sc_r"]) == (sum(document.correct) / 5, sum(document.correct) / 5)


def test_depth_is_the_number_of_entities_around():
    by_depth = scores_by_depth([score_document(example(), "sc")])
    assert {n: (s.gold, s.predicted, s.correct) for n, s in by_depth.items()} == {
        "1": (2, 1, 1),
        "2": (1, 1, 0),
        "3+": (2, 3, 2),
    }


def test_without_a_group_the_entities_are_gold():
    eg = example()
    del eg.reference.spans["sc"]
    assert score_document(eg, "sc") is None
    eg.reference.set_ents([Span(eg.reference, 0, 6, label="ORG")])
    assert score_document(eg, "sc").correct == [True, False, False, False, False]


def test_a_span_that_stands_twice_counts_once():
    eg = example()
    for doc in (eg.reference, eg.predicted):
        doc.spans["sc"] = [*doc.spans["sc"], *list(doc.spans["sc"])[:3]]
    document = score_document(eg, "sc")
    assert (len(document.gold), len(document.predicted), sum(document.correct)) == (5, 5, 3)
    scores = strict_scores([document]).micro
    spacys = Scorer.score_spans([eg], "spans", getter=lambda doc, _: doc.spans["sc"], allow_overlap=True)
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx(
        (spacys["spans_p"], spacys["spans_r"], spacys["spans_f"])
    )
    assert len(annotated_in(eg.reference, "sc")) == 5


def test_a_pipeline_of_spans_is_scored_by_its_group(bert, tmp_path):
    nlp = spans.overfit(spans.make_nlp(bert))
    assert own_group(nlp) == "sc"
    DocBin(docs=[eg.reference for eg in spans.gold(nlp)]).to_disk(tmp_path / "test.spacy")
    result = evaluate(
        nlp, tmp_path / "test.spacy", train=tmp_path / "test.spacy", output=tmp_path / "page.html", rounds=20
    )
    made = result.to_dict()
    assert (made["spans_sc_f"], result.spans_key) == (1.0, "sc")
    assert "ents_f" not in made
    assert set(made["by_depth"]) == {"1", "2", "3+"}
    assert result.calibration.count == sum(len(found) for _, found in spans.NESTED)
    assert "Depth inside other entities" in (tmp_path / "page.html").read_text()
    assert "## Depth inside other entities" in result.to_markdown()
    with pytest.raises(InputError, match=r"documents with doc\.spans\['other'\]"):
        evaluate(nlp, tmp_path / "test.spacy", spans_key="other", rounds=20)
    # What is annotated in other formats nests, too.
    rows = [
        {
            "text": text,
            "entities": [[doc[s].idx, doc[e - 1].idx + len(doc[e - 1]), label] for s, e, label in there],
        }
        for (text, there), doc in zip(spans.NESTED, nlp.pipe(text for text, _ in spans.NESTED), strict=True)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    again = evaluate(nlp, tmp_path / "test.jsonl", train=tmp_path / "test.jsonl", rounds=20)
    assert again.strict == result.strict
    assert again.by_seen == result.by_seen
    nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": None})
    assert own_group(nlp) is None


def test_a_page_marks_what_does_not_overlap(bert, tmp_path):
    nlp = spans.make_nlp(bert)  # finds nothing: all are missed
    DocBin(docs=[eg.reference for eg in spans.gold(nlp)]).to_disk(tmp_path / "test.spacy")
    result = evaluate(nlp, tmp_path / "test.spacy", rounds=20)
    inner = next(e for e in result.errors if e.gold_text == "University of Warsaw")
    marked = error_row(inner, {"ORG": 0, "LOC": 1, "PER": 2})["h"]
    assert marked.count("<mark") == 1
    assert marked.count("Warsaw") == 1
