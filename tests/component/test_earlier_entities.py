"""Entities and blocks that earlier components have set are kept, as spaCy's own `ner` keeps them."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, Span

import tiny


@pytest.fixture
def ruled(trained):
    ruler = trained.add_pipe("entity_ruler", before="cloudner")
    return trained, ruler


def test_the_rulers_entities_stay_and_the_model_fills_the_rest(ruled):
    nlp, ruler = ruled
    ruler.add_patterns([{"label": "CITY", "pattern": "Paris"}])
    doc = nlp("Marie Curie lived in Paris.")
    assert tiny.ents(doc) == [(0, 2, "PER"), (4, 5, "CITY")]


def test_a_prediction_never_runs_into_them(ruled):
    """What would overlap is decoded again around the fixed tokens, not thrown away or cut in two halves that
    pretend to be one."""
    nlp, ruler = ruled
    ruler.add_patterns([{"label": "SURNAME", "pattern": "Curie"}])
    doc = nlp("Marie Curie lived in Paris.")
    assert (1, 2, "SURNAME") in tiny.ents(doc)
    assert (4, 5, "LOC") in tiny.ents(doc)
    assert all(not (s < 2 and e > 1) or (s, e) == (1, 2) for s, e, _ in tiny.ents(doc))
    assert doc[1].ent_iob_ == "B"


def test_an_entity_of_the_same_label_next_to_one_stays_two(ruled):
    nlp, ruler = ruled
    ruler.add_patterns([{"label": "PER", "pattern": "Marie"}])
    doc = nlp("Marie Curie lived in Paris.")
    assert tiny.ents(doc)[0] == (0, 1, "PER")
    assert all(token.ent_iob_ != "I" or token.i > 1 for token in doc)


def test_blocked_tokens_get_none(trained):
    doc = trained.make_doc("Marie Curie lived in Paris.")
    doc.set_ents([], blocked=[doc[4:5]], default="missing")
    trained.get_pipe("cloudner")(doc)
    assert (4, 5) not in [(s, e) for s, e, _ in tiny.ents(doc)]
    assert (0, 2, "PER") in tiny.ents(doc)


def test_ids_stay_with_the_entities_that_have_them(trained):
    doc = trained.make_doc("Marie Curie lived in Paris.")
    doc.ents = [
        Span(doc, 0, 2, "OLD", kb_id="Q7186", span_id="first"),
        Span(doc, 4, 5, "CITY", kb_id="Q90", span_id="p"),
    ]
    doc.ents = doc.ents[1:]  # on the tokens of the other spaCy leaves its ids
    trained.get_pipe("cloudner")(doc)
    assert [(e.label_, e.kb_id_, e.id_, e.ent_id_) for e in doc.ents] == [
        ("PER", "", "", ""),
        ("CITY", "Q90", "p", "p"),
    ]
    assert [token.ent_kb_id_ for token in doc] == ["", "", "", "", "Q90", ""]


@pytest.mark.parametrize(("head", "scheme"), [("softmax", "BIO"), ("crf", "BILUO")])
def test_no_entity_goes_on_past_white_space_that_is_taken(bert, head, scheme):
    """White space has no tag: the tokens around it are neighbours for the decoder."""
    nlp = tiny.overfit(tiny.make_nlp(bert, head=head, tag_scheme=scheme), steps=40)
    pipe = nlp.get_pipe("cloudner")
    pipe.cfg.update(spans_key="all", spans_floor=0.0)
    words, spaces = ["Marie", "\n", "Curie", "lived"], [True, False, True, False]
    assert tiny.ents(pipe(Doc(nlp.vocab, words=words, spaces=spaces))) == [(0, 3, "PER")]
    for label in ("", "BREAK"):  # blocked, an entity
        doc = Doc(nlp.vocab, words=words, spaces=spaces)
        there = [Span(doc, 1, 2, label)] if label else []
        doc.set_ents(there, blocked=[] if label else [doc[1:2]], default="missing")
        pipe(doc)
        assert [e for e in tiny.ents(doc) if e[0] <= 1 < e[1]] == [(1, 2, label)] * len(there)
        tried = zip(doc.spans["all"], doc.spans["all"].attrs["scores"], strict=True)
        assert all(probability < 1e-6 for span, probability in tried if span.start <= 1 < span.end)


def test_spacys_ner_keeps_them_too():
    """The behaviour we follow, on spaCy's own component."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("ner")
    nlp.initialize(lambda: tiny.make_examples(nlp))
    ruler.add_patterns([{"label": "CITY", "pattern": "Paris"}])
    assert (4, 5, "CITY") in tiny.ents(nlp("Marie Curie lived in Paris."))


def test_a_second_run_changes_nothing(trained):
    doc = trained("Marie Curie lived in Paris.")
    found = tiny.ents(doc)
    confidence = [e._.confidence for e in doc.ents]
    trained.get_pipe("cloudner")(doc)
    assert tiny.ents(doc) == found
    assert [e._.confidence for e in doc.ents] == confidence


def test_entity_ids_of_the_ruler_stay(ruled):
    nlp, ruler = ruled
    ruler.add_patterns([{"label": "CITY", "pattern": "Paris", "id": "paris-fr"}])
    doc = nlp("Marie Curie lived in Paris.")
    assert [e.ent_id_ for e in doc.ents] == ["", "paris-fr"]


def test_overwriting_afterwards_is_the_rulers_business(trained):
    ruler = trained.add_pipe("entity_ruler", config={"overwrite_ents": True})
    ruler.add_patterns([{"label": "CITY", "pattern": "Paris"}])
    doc = trained("Marie Curie lived in Paris.")
    assert tiny.ents(doc) == [(0, 2, "PER"), (4, 5, "CITY")]
    assert isinstance(doc.ents[0], Span)
