"""Suspects among annotations that nest and overlap, their rows and exports, and the way back into the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin, Span

import cloudner
import spans
from cloudner.folds.documents import corpus_digest
from cloudner.folds.spans import LikelySpan, likely_spans, threshold_of
from cloudner.reviewing.nested import alike
from cloudner.reviewing.page import page
from cloudner.reviewing.rows import doccano_lines, label_studio_tasks, lines, row
from cloudner.reviewing.suspects import Annotated, Suspect, find_suspects

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "spans.cfg"
OUTER, INNER = (1, 5, "ORG"), (3, 4, "LOC")


def of(given, likely, size=10):
    docs = [Annotated(given, [True] * size)]
    return find_suspects(docs, [[LikelySpan(*span) for span in likely]], nested=True)


def named(found):
    return [(s.kind, s.given, s.suggested) for s in found]


@pytest.mark.parametrize(
    ("given", "likely", "expected"),
    [
        (
            [OUTER, INNER],
            [(*OUTER, 0.9), (3, 4, "PER", 0.95), (*INNER, 0.05)],
            ("type", INNER, (3, 4, "PER")),
        ),
        ([OUTER, INNER], [(1, 6, "ORG", 0.9), (*INNER, 0.9)], ("boundary", OUTER, (1, 6, "ORG"))),
        ([OUTER, INNER], [(*OUTER, 0.9)], ("invented", INNER, None)),
        ([OUTER], [(*OUTER, 0.98), (*INNER, 0.97)], ("missed", None, INNER)),
        # believed beside an annotation that is believed, too: one more entity, not another boundary
        ([OUTER], [(*OUTER, 0.98), (1, 4, "ORG", 0.97)], ("missed", None, (1, 4, "ORG"))),
        # of two annotations of one place the label that is not believed is the suspect
        ([INNER, (3, 4, "GPE")], [(*INNER, 0.9)], ("invented", (3, 4, "GPE"), None)),
    ],
)
def test_each_kind_of_error(given, likely, expected):
    assert named(of(given, likely))[0] == expected


def test_annotations_that_nest_and_are_believed_are_no_suspects():
    found = of([OUTER, INNER, (1, 4, "ORG")], [(*OUTER, 0.97), (*INNER, 0.97), (1, 4, "ORG", 0.97)])
    assert len(found) == 3
    assert all(s.probability < 0.1 for s in found)


def test_one_believed_span_takes_the_place_of_one_annotation():
    found = of([(1, 4, "ORG"), (2, 5, "ORG")], [(1, 5, "ORG", 0.9)])
    assert sorted((s.kind, s.suggested) for s in found) == [("boundary", (1, 5, "ORG")), ("invented", None)]


def test_a_missed_entity_is_as_probable_as_that_not_all_of_its_spans_are_absent():
    (found,) = of([], [(3, 4, "PER", 0.45), (3, 4, "ORG", 0.4), (7, 8, "PER", 0.01)])
    assert found.suggested == (3, 4, "PER")
    assert found.probability == pytest.approx(1 - 0.55 * 0.6)
    both = of([], [(3, 4, "PER", 0.6), (3, 4, "ORG", 0.55)])  # each believed by itself
    assert [s.probability for s in both] == pytest.approx([0.6, 0.55])


def test_the_same_entity_in_two_ways():
    assert alike((1, 3, "A"), (1, 3, "B"))
    assert alike((1, 3, "A"), (2, 3, "A"))
    assert not alike((1, 3, "A"), (2, 3, "B"))
    assert not alike((1, 6, "A"), (3, 5, "A"))
    assert not alike((1, 3, "A"), (3, 5, "A"))


def test_a_document_without_the_group_is_known_where_it_is_annotated():
    doc = spacy.blank("en")("a b c")
    doc.set_ents([Span(doc, 0, 1, "X")], default="missing")
    assert Annotated.of(doc, "sc") == Annotated([(0, 1, "X")], [True, False, False])
    doc.spans["sc"] = [Span(doc, 0, 2, "X"), Span(doc, 1, 2, "X")]
    assert Annotated.of(doc, "sc") == Annotated([(0, 2, "X"), (1, 2, "X")], [True] * 3)
    assert Annotated.of(doc) == Annotated([(0, 1, "X")], [True, False, False])


def test_predictions_of_other_spans_are_not_taken_for_these():
    doc = spacy.blank("en")("a b c")
    before = corpus_digest([doc])
    doc.spans["sc"] = [Span(doc, 0, 2, "X")]
    changed = corpus_digest([doc])
    doc.spans["sc"] = [Span(doc, 0, 2, "Y")]
    assert len({before, changed, corpus_digest([doc])}) == 3


# -- rows, exports, page ------------------------------------------------------------------------------------------


@pytest.fixture
def doc():
    made = spacy.blank("en")("the University of Warsaw Library opened")
    made.spans["sc"] = [Span(made, 1, 5, "ORG"), Span(made, 1, 4, "ORG"), Span(made, 3, 4, "PER")]
    return made


SUSPECTS = [
    Suspect(0, "type", (3, 4, "PER"), (3, 4, "LOC"), 0.99, True),
    Suspect(0, "boundary", (1, 5, "ORG"), (0, 5, "ORG"), 0.9, True),
    Suspect(0, "missed", None, (4, 5, "FAC"), 0.8, True),
    Suspect(0, "invented", (1, 4, "ORG"), None, 0.7, True),
]
CORRECTED = [(0, 32, "ORG"), (18, 24, "LOC"), (25, 32, "FAC")]


def test_a_row_names_the_group_and_what_is_annotated_beside(doc):
    made = row(SUSPECTS[0], doc, "x", "sc")
    assert (made["spans_key"], made["text"], made["label"]) == ("sc", "Warsaw", "PER")
    others = [(o["start"], o["end"], o["label"], o["text"]) for o in made["others"]]
    assert others == [(4, 32, "ORG", "University of Warsaw Library"), (4, 24, "ORG", "University of Warsaw")]
    assert made["before"] + made["text"] + made["after"] == doc.text
    assert row(SUSPECTS[1], doc, "x", "sc")["others"][1]["text"] == "Warsaw"
    doc.spans.clear()
    assert "spans_key" not in row(SUSPECTS[2], doc, "x")


def test_the_page_names_them_too(doc):
    rows = [row(each, doc, "x", "sc") for each in SUSPECTS]
    made = page(rows, lines(rows), title="a", summary="b")
    assert '"others": [{"start": 4' in made or '"others":[{"start":4' in made
    assert "also annotated here" in made


def test_exports_hold_what_overlaps_and_are_read_again(doc, tmp_path):
    path = tmp_path / "doccano.jsonl"
    path.write_text(doccano_lines(SUSPECTS, [doc], ["x"], "sc"), "utf8")
    tasks = tmp_path / "tasks.json"
    tasks.write_text(json.dumps(label_studio_tasks(SUSPECTS, [doc], ["x"], "sc")), "utf8")
    assert in_group(path, tmp_path, format="doccano") == CORRECTED
    assert in_group(tasks, tmp_path) == [(4, 24, "ORG"), (4, 32, "ORG"), (18, 24, "PER")]
    (task,) = json.loads(tasks.read_text())
    found = [
        (r["value"]["start"], r["value"]["end"], *r["value"]["labels"])
        for r in task["predictions"][0]["result"]
    ]
    assert found == CORRECTED


def in_group(source, folder, **options):
    cloudner.convert(source, folder / "made.spacy", spans="sc", **options)
    (made,) = DocBin().from_disk(folder / "made.spacy").get_docs(spacy.blank("en").vocab)
    return [(span.start_char, span.end_char, span.label_) for span in made.spans["sc"]]


def test_accepted_rows_come_back_into_the_corpus(doc, tmp_path):
    doc.user_data["meta"] = {"id": "x"}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "corpus.spacy")
    rows = [{**row(each, doc, "x", "sc"), "decision": "accept"} for each in SUSPECTS]
    (tmp_path / "decisions.jsonl").write_text(lines(rows), "utf8")
    assert in_group(tmp_path / "corpus.spacy", tmp_path, apply=tmp_path / "decisions.jsonl") == CORRECTED


# -- the whole way ------------------------------------------------------------------------------------------------

CITIES = ["Warsaw", "Oxford", "Leipzig", "Lyon", "Paris", "Brussels"]
QUICK = {
    "components.cloudner_spans.model.mixed_precision": "fp32",
    "components.cloudner_spans.model.dropout": 0.0,
    "training.dropout": 0.0,
    "training.optimizer.learn_rate.initial_rate": 5e-3,
    "training.optimizer.learn_rate.min_steps": 60,
}


@pytest.mark.slow
def test_a_planted_error_comes_first_and_is_corrected(bert, tmp_path):
    """The inner place of one text is not annotated, and one has another label."""
    nlp, docs = spacy.blank("en"), []
    for n, (city, verb) in enumerate((c, v) for c in CITIES for v in ("opened", "closed", "moved", "grew")):
        doc = nlp(f"The University of {city} {verb}")
        inner = [Span(doc, 3, 4, "PER" if n == 5 else "LOC")] if n != 2 else []
        doc.spans["sc"] = [Span(doc, 0, 4, "ORG"), *inner]
        doc.user_data["meta"] = {"id": f"d{n}"}
        docs.append(doc)
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(corpus)
    made = cloudner.review(
        corpus, CONFIG, folds=2, encoder=str(bert), overrides=QUICK, gpu_id=-1, output=tmp_path / "review"
    )
    assert made.annotations == 2 * len(docs) - 1
    first = {(each["id"], each["kind"]): each for each in made.rows[:2]}
    assert set(first) == {("d2", "missed"), ("d5", "type")}
    assert first["d2", "missed"]["suggested"] == {"start": 18, "end": 24, "label": "LOC"}
    for each in first.values():
        each["decision"] = "accept"
    made.files["rows"].write_text(lines(made.rows), "utf8")
    cloudner.convert(corpus, tmp_path / "better.spacy", spans="sc", apply=made.files["rows"])
    better = list(DocBin().from_disk(tmp_path / "better.spacy").get_docs(nlp.vocab))
    assert [[(s.start, s.end, s.label_) for s in doc.spans["sc"]] for doc in better] == [
        [(0, 4, "ORG"), (3, 4, "LOC")]
    ] * len(docs)


def test_likely_spans_of_a_pipeline_are_all_of_its_spans(bert):
    nlp = spans.overfit(spans.make_nlp(bert, component={"ents": "longest"}), steps=15)
    pipe = nlp.get_pipe("cloudner_spans")
    before = dict(pipe.cfg)
    expected = [spans.found(nlp(text)) for text, _ in spans.NESTED]
    least = threshold_of(nlp)
    docs = [nlp.make_doc(text) for text, _ in spans.NESTED]
    for there, likely in zip(expected, likely_spans(nlp, docs), strict=True):
        found = {span[:3] for span in likely if span.probability >= least}
        assert sorted(found) == there
        assert len(likely) > len(found)
        assert all(span.probability >= 0.001 for span in likely)
    assert pipe.cfg == before
