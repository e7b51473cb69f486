"""Gold as people have it: what is known is taught, what is missing is not."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

import tiny
from cloudner.errors import ConfigError
from cloudner.pieces.gold import gold_tags, seen_labels
from cloudner.pieces.scheme import TagScheme
from cloudner.pieces.span_gold import gold_spans

NLP = spacy.blank("en")
SCHEME = TagScheme(("LOC", "PER"))


def names(example: Example, **kwargs) -> list[str]:
    return ["-" if tag < 0 else SCHEME.tags[tag] for tag in gold_tags([example], SCHEME, **kwargs).tolist()]


def example(text: str, reference: Doc | None = None, **annotation) -> Example:
    if reference is not None:
        return Example(NLP.make_doc(text), reference)
    return Example.from_dict(NLP.make_doc(text), annotation)


def test_no_annotation_is_missing_and_an_empty_list_is_o():
    assert names(example("in Paris")) == ["-", "-"]
    assert names(example("in Paris", entities=[])) == ["O", "O"]
    reference = NLP.make_doc("in Paris")
    reference.ents = []
    assert names(example("in Paris", reference)) == ["O", "O"]


def test_dash_and_partly_annotated_docs_are_masked():
    assert names(example("Ada in Paris", entities=["U-PER", "-", "O"])) == ["B-PER", "-", "O"]
    reference = NLP.make_doc("Ada in Paris now")
    reference.set_ents([Span(reference, 2, 3, "LOC")], default="missing")
    assert names(example("Ada in Paris now", reference)) == ["-", "-", "B-LOC", "-"]


def test_missing_survives_a_docbin():
    reference = NLP.make_doc("Ada in Paris now")
    reference.set_ents([Span(reference, 0, 1, "PER")], outside=[reference[1:2]], default="missing")
    (again,) = DocBin().from_bytes(DocBin(docs=[reference]).to_bytes()).get_docs(NLP.vocab)
    assert names(example("Ada in Paris now", again)) == ["B-PER", "O", "-", "-"]


def test_blocked_tokens_are_o():
    reference = NLP.make_doc("Ada in Paris")
    reference.set_ents([Span(reference, 0, 1, "PER")], blocked=[reference[2:3]])
    assert names(example("Ada in Paris", reference)) == ["B-PER", "O", "O"]


def test_misaligned_entities_are_masked_and_the_rest_is_taught():
    with pytest.warns(UserWarning, match="W030"):
        eg = example("NewYork is in America", entities=[(0, 3, "LOC"), (14, 21, "LOC")])
    assert names(eg) == ["-", "O", "O", "B-LOC"]


def test_another_tokenisation_is_aligned():
    reference = Doc(NLP.vocab, words=["Ada", "Love", "lace", "in", "Paris"], spaces=[True, False, True, True, False],
                    ents=["B-PER", "I-PER", "I-PER", "O", "B-LOC"])  # fmt: skip
    assert names(example("Ada Lovelace in Paris", reference)) == ["B-PER", "I-PER", "O", "B-LOC"]


def test_white_space_tokens_are_left_out():
    eg = example("Ada \n\n Lovelace", entities=[(0, 15, "PER")])
    assert [t.text for t in eg.predicted] == ["Ada", "\n\n ", "Lovelace"]
    assert names(eg) == ["B-PER", "I-PER"]


def test_neighbours_of_the_same_label_stay_two():
    reference = NLP.make_doc("Ada Marie left")
    reference.ents = [Span(reference, 0, 1, "PER"), Span(reference, 1, 2, "PER")]
    assert names(example("Ada Marie left", reference)) == ["B-PER", "B-PER", "O"]
    biluo = TagScheme(("LOC", "PER"), "BILUO")
    tags = gold_tags([example("Ada Marie left", reference)], biluo)
    assert [biluo.tags[t] for t in tags] == ["U-PER", "U-PER", "O"]


def test_an_entity_does_not_run_into_the_next_document():
    ada = [example("in Ada", entities=[(3, 6, "PER")]), example("Ada", entities=[(0, 3, "PER")])]
    biluo = TagScheme(("LOC", "PER"), "BILUO")
    assert [biluo.tags[t] for t in gold_tags(ada, biluo)] == ["O", "U-PER", "U-PER"]


def test_spans_as_gold():
    reference = NLP.make_doc("Ada Lovelace in Paris")
    reference.spans["gold"] = [
        Span(reference, 0, 2, "PER"),
        Span(reference, 1, 2, "PER"),
        Span(reference, 3, 4, "LOC"),
    ]
    eg = example("Ada Lovelace in Paris", reference)
    assert names(eg, spans_key="gold") == ["B-PER", "I-PER", "O", "B-LOC"]  # the longest where they overlap
    assert names(eg, spans_key="other") == ["-"] * 4
    assert seen_labels([eg], "gold") == {"LOC", "PER"}
    assert seen_labels([eg], "other") == set()


def test_spans_that_do_not_align_are_masked():
    reference = Doc(
        NLP.vocab, words=["Ad", "a L", "ovelace", "in", "Paris"], spaces=[False, False, True, True, False]
    )
    reference.spans["gold"] = [Span(reference, 1, 2, "PER"), Span(reference, 4, 5, "LOC")]
    assert names(example("Ada Lovelace in Paris", reference), spans_key="gold") == ["-", "-", "O", "B-LOC"]


@pytest.mark.parametrize("words", [["Zorgo", "slept"], ["Zor", "go", "slept"]])
@pytest.mark.parametrize("key", [None, "gold"])
def test_references_of_several_vocabularies(words, key):
    """Each of another pipeline, whose labels no other vocabulary has."""
    scheme = TagScheme(("LOC", "NEVER-SEEN-1", "NEVER-SEEN-2"))
    nlp, examples = spacy.blank("xx"), []
    for label in scheme.labels[1:]:
        reference = Doc(spacy.blank("xx").vocab, words=words, spaces=[word != "Zor" for word in words])
        entity = Span(reference, 0, len(words) - 1, label)
        reference.spans["gold"], reference.ents = [entity], [entity]
        examples.append(Example(nlp.make_doc(reference.text), reference))
    assert gold_tags(examples, scheme, spans_key=key).tolist() == [3, 0, 5, 0]
    assert gold_spans(examples, scheme.labels, key or "other").spans.tolist() == [[0, 0, 1], [2, 2, 2]]


def test_a_label_unseen_at_initialisation():
    eg = example("in Paris", entities=[(3, 8, "GPE")])
    with pytest.raises(ConfigError, match="GPE") as caught:
        gold_tags([eg], SCHEME, name="my_ner")
    assert "my_ner" in str(caught.value)
    assert "add_label('GPE')" in str(caught.value)


def test_missing_tokens_change_no_weight(bert):
    """Two examples that differ only where the gold is missing give the same step."""
    made = []
    for default in ("missing", "outside"):
        nlp = tiny.make_nlp(bert)
        known, partly = nlp.make_doc("Ada met Marie"), nlp.make_doc("Ada met Marie")
        known.set_ents([Span(known, 0, 1, "PER")], default="outside")
        partly.set_ents([Span(partly, 0, 1, "PER")], default=default)
        nlp.update([Example(nlp.make_doc(d.text), d) for d in (known, partly)], sgd=tiny.adamw())
        made.append(tiny.weights(nlp))
    assert tiny.largest_difference(*made) > 1e-7
    nlp = tiny.make_nlp(bert)
    before = tiny.weights(nlp)
    unknown = nlp.make_doc("Ada met Marie")
    losses = nlp.update([Example(nlp.make_doc(unknown.text), unknown)], sgd=tiny.adamw())
    assert losses["cloudner"] == 0
    assert tiny.largest_difference(before, tiny.weights(nlp)) == 0
