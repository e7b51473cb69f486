"""`convert --spans KEY --apply`: decisions about annotations that nest and overlap."""

from __future__ import annotations

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

import cloudner
from cloudner.errors import CloudnerError

VOCAB = spacy.blank("en").vocab
TEXT = "the University of Warsaw Library opened"
ROWS = [
    {"id": "a", "text": TEXT, "entities": [[4, 32, "ORG"], [4, 24, "ORG"], [18, 24, "PER"]]},
    {"id": "b", "text": "Oslo is far", "entities": []},
]


def decision(document, given, suggested, answer="accept", key="sc"):
    start, end, label = given or (*suggested[:2], None)
    new = None if suggested is None else dict(zip(("start", "end", "label"), suggested, strict=True))
    made = {"id": document, "start": start, "end": end, "label": label, "suggested": new, "decision": answer}
    return made if key is None else {**made, "spans_key": key}


ALL = [
    decision("a", (18, 24, "PER"), (18, 24, "LOC")),
    decision("a", (4, 32, "ORG"), (0, 32, "ORG")),
    decision("a", None, (25, 32, "FAC")),
    decision("a", (4, 24, "ORG"), None, "reject"),
    decision("b", None, (0, 4, "LOC")),
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf8")
    return path


def apply(source, rows, **options):
    """Of each document the spans of the group and the entities after the decisions, in characters."""
    file, out = source.with_name("decisions.jsonl"), source.with_name("out.spacy")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    report = cloudner.convert(source, out, apply=file, **{"spans": "sc", **options})
    docs = DocBin().from_disk(out).get_docs(VOCAB)
    return [(tuples(doc.spans["sc"]), tuples(doc.ents)) for doc in docs], report


def tuples(spans):
    return [(span.start_char, span.end_char, span.label_) for span in spans]


EXPECTED = [
    ([(0, 32, "ORG"), (4, 24, "ORG"), (18, 24, "LOC"), (25, 32, "FAC")], [(0, 32, "ORG")]),
    ([(0, 4, "LOC")], [(0, 4, "LOC")]),
]


def test_spans_are_changed_where_they_nest_and_the_entities_with_them(corpus):
    found, report = apply(corpus, ALL)
    assert found == EXPECTED
    assert report.decisions == {"accept": 4, "reject": 1}
    assert report.lost == 0


def test_the_same_through_a_spacy_file(corpus):
    whole = corpus.with_suffix(".spacy")
    cloudner.convert(corpus, whole, spans="sc")
    assert apply(whole, ALL)[0] == EXPECTED


def test_entities_are_the_longest_that_are_left(corpus):
    rows = [decision("a", (4, 32, "ORG"), None), decision("a", None, (18, 32, "FAC"))]
    (spans, entities), _ = apply(corpus, rows)[0]
    assert spans == [(4, 24, "ORG"), (18, 24, "PER"), (18, 32, "FAC")]
    assert entities == [(4, 24, "ORG")]  # four tokens; the other has two


def test_a_suggestion_that_is_there_already_is_there_once(corpus):
    (spans, _), _ = apply(corpus, [decision("a", (4, 32, "ORG"), (4, 24, "ORG"))])[0]
    assert spans == [(4, 24, "ORG"), (18, 24, "PER")]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ALL, {"spans": None}, r"decisions\.jsonl:1: a decision about doc\.spans\['sc'\]; expected one about doc\.ents; try: --spans sc"),
        (ALL, {"spans": "b"}, r"expected one about doc\.spans\['b'\]; try: --spans sc"),
        ([decision("a", (18, 24, "PER"), None, key=None)], {}, r"a decision about doc\.ents; expected .*try: leave out --spans"),
        ([decision("a", (18, 24, "GPE"), None)], {}, r"document 'a' has ORG 4-24 and ORG 4-32 and PER 18-24 there"),
        ([decision("a", None, (19, 24, "LOC"))], {}, "19 to 24 cuts a token"),
        ([decision("c", None, (0, 4, "LOC"))], {}, "no document 'c' in the sources"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_error_and_nothing_is_written(corpus, rows, options, message):
    with pytest.raises(CloudnerError, match=message):
        apply(corpus, rows, **options)
    assert not corpus.with_name("out.spacy").exists()


def test_a_group_of_a_spacy_file_is_kept_under_its_name(tmp_path):
    doc = Doc(VOCAB, words=["a", "b", "c", " "], spaces=[True, True, False, False])
    doc.spans["sc"] = [Span(doc, 0, 2, "X"), Span(doc, 1, 3, "Y"), Span(doc, 1, 2, "X")]
    doc.spans["other"] = [Span(doc, 0, 1, "Z")]
    doc.set_ents([Span(doc, 2, 3, "E")])
    empty = Doc(VOCAB, words=["d"])
    empty.spans["sc"] = []
    partly = Doc(VOCAB, words=["e", "f"])
    partly.set_ents([Span(partly, 0, 1, "X")], default="missing")
    DocBin(docs=[doc, empty, partly]).to_disk(tmp_path / "a.spacy")
    report = cloudner.convert(tmp_path / "a.spacy", tmp_path / "b.spacy", spans="sc")
    made = list(DocBin().from_disk(tmp_path / "b.spacy").get_docs(VOCAB))
    assert [(s.start, s.end, s.label_) for s in made[0].spans["sc"]] == [
        (0, 2, "X"),
        (1, 2, "X"),
        (1, 3, "Y"),
    ]
    assert [(s.start, s.end, s.label_) for s in made[0].ents] == [(0, 2, "X")]
    assert list(made[1].spans["sc"]) == []
    assert made[1][0].ent_iob_ == "O"
    assert "sc" not in made[2].spans  # a part of it is not annotated
    # The group `other`, and the entity that is in no group, are told.
    assert report.issues == {("unsupported", "dropped"): 2}
    parts = cloudner.convert(tmp_path / "a.spacy", tmp_path / "parts", spans="sc", split="50/50")
    docs = [d for path in parts.outputs for d in DocBin().from_disk(path).get_docs(VOCAB)]
    assert sorted(len(d.spans["sc"]) for d in docs if "sc" in d.spans) == [0, 3]
