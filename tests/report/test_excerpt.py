"""A mistake in its text: shown once, whole words, whole entities, the difference marked."""

from __future__ import annotations

import random
import re

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.report.evaluate import evaluate
from cloudner.report.evaluation.mistakes import excerpt_bounds, find_errors
from cloudner.report.evaluation.spans import Entity, score_document
from cloudner.report.render.excerpt import excerpt

from .conftest import disturb, gold_doc, random_tags, ruler, tagged_documents

COLOURS = {"PER": 0, "LOC": 1, "ORG": 2}


def errors_of(words, gold, predicted):
    vocab = spacy.blank("xx").vocab
    example = Example(Doc(vocab, words=words, ents=predicted), Doc(vocab, words=words, ents=gold))
    return find_errors([score_document(example)])


def shown(words, gold, predicted):
    (error,) = errors_of(words, gold, predicted)
    return str(excerpt(error, COLOURS)).strip()


def test_each_kind_marks_where_gold_and_model_differ():
    words = ["The", "New", "York", "Times", "wrote"]
    gold = ["O", "B-ORG", "I-ORG", "I-ORG", "O"]
    tag = '<span class="tag {}">{} <b>{}</b></span>'
    gold_tag, model_tag = tag.format("gold", "gold", "ORG"), tag.format("model", "model", "{}")
    # both: the model stops before Times, with another label
    assert shown(words, gold, ["O", "B-LOC", "I-LOC", "O", "O"]) == (
        f'The <mark class="focus"><span class="g p">New York</span>{model_tag.format("LOC")}'
        f'<span class="g"> Times</span>{gold_tag}</mark> wrote'
    )
    # boundary: the model begins before gold does
    assert shown(words, gold, ["B-ORG", "I-ORG", "I-ORG", "I-ORG", "O"]) == (
        f'<mark class="focus"><span class="p">The </span><span class="g p">New York Times</span>{gold_tag}'
        f"{model_tag.format('ORG')}</mark> wrote"
    )
    # type
    assert shown(words, gold, ["O", "B-PER", "I-PER", "I-PER", "O"]) == (
        f'The <mark class="focus"><span class="g p">New York Times</span>{gold_tag}{model_tag.format("PER")}</mark> wrote'
    )
    # missed and spurious
    none = ["O"] * 5
    assert (
        shown(words, gold, none)
        == f'The <mark class="focus"><span class="g">New York Times</span>{gold_tag}</mark> wrote'
    )
    assert shown(words, none, gold) == (
        f'The <mark class="focus"><span class="p">New York Times</span>{model_tag.format("ORG")}</mark> wrote'
    )


def test_other_entities_are_those_of_gold_and_dotted_where_the_model_is_mistaken():
    words = ["Ann", "met", "Bob", "in", "Oslo"]
    gold = ["B-PER", "O", "B-PER", "O", "B-LOC"]
    first, second = errors_of(words, gold, ["B-PER", "O", "B-ORG", "O", "B-PER"])
    text = str(excerpt(first, COLOURS))
    assert '<mark class="ent l0">Ann<span class="tag">PER</span></mark>' in text
    assert '<mark class="ent l1 other">Oslo<span class="tag">LOC</span></mark>' in text
    assert '<mark class="ent l0 other">Bob' in str(excerpt(second, COLOURS))


def test_the_text_of_an_excerpt_is_that_of_the_document_once():
    rng = random.Random(3)
    labels = list(COLOURS)
    gold = [random_tags(rng, 60, labels) for _ in range(60)]
    documents = tagged_documents(gold, [disturb(rng, tags, labels) for tags in gold])
    errors = find_errors(documents)
    assert len({error.kind for error in errors}) == 5
    assert any(error.cut[0] for error in errors)
    assert any(error.cut[1] for error in errors)
    for error in errors:
        html = str(excerpt(error, COLOURS))
        plain = re.sub(r"<.*?>", "", re.sub(r'<span class="tag.*?</span>', "", html))
        before, after = "…\xa0" * error.cut[0], "\xa0…" * error.cut[1]
        assert plain == before + error.context + after
        text = documents[error.document].text
        assert text[error.context_start :].startswith(error.context)


def test_no_word_and_no_entity_is_cut():
    rng = random.Random(1)
    labels = list(COLOURS)
    gold = [random_tags(rng, 80, labels) for _ in range(80)]
    documents = tagged_documents(gold, [disturb(rng, tags, labels) for tags in gold])
    for window in (0, 5, 30, 100):
        for error in find_errors(documents, window=window):
            document = documents[error.document]
            start, end = error.context_start, error.context_start + len(error.context)
            for entity in (*document.gold, *document.predicted):
                for place in (start, end):
                    assert not entity.start_char < place < entity.end_char
            assert start == 0 or document.text[start - 1] == " "
            assert end == len(document.text) or document.text[end] == " "
            ents = error.gold_ents + error.predicted_ents
            assert all(0 <= first < last <= len(error.context) for first, last, _ in ents)


def test_an_entity_at_the_edge_is_taken_in_whole_without_spaces_too():
    text = "在" * 150 + "北京大学工作" + "的" * 150
    far = Entity(0, 1, "ORG", 40, 60)
    wide = Entity(0, 1, "ORG", 30, 45)
    assert excerpt_bounds(text, [(150, 154)], [], 100) == (50, 254)
    assert excerpt_bounds(text, [(150, 154)], [far], 100) == (40, 254)
    assert excerpt_bounds(text, [(150, 154)], [far, wide], 100) == (30, 254)  # one leads into the next
    assert excerpt_bounds("a b", [(0, 1)], [], 100) == (0, 3)


def test_text_and_labels_are_escaped():
    html = shown(["<b>", "&", "x"], ["B-<i>", "O", "O"], ["O", "O", "O"])
    assert "<b>&lt;i&gt;</b>" in html
    assert "&lt;b&gt;" in html
    assert "&amp;" in html
    assert "<i>" not in html


@pytest.mark.parametrize("kind", ["spacy", "jsonl"])
def test_a_mistake_says_where_its_document_is(kind, tmp_path):
    nlp = spacy.blank("en")
    texts = ["Nothing here.", "Rome fell.", "Oslo and Rome."]
    path = tmp_path / f"test.{kind}"
    if kind == "spacy":
        from .conftest import write_docs

        write_docs(
            path,
            [
                Doc(nlp.vocab),
                *(gold_doc(nlp, text, [("Rome", "LOC")] if "Rome" in text else []) for text in texts),
            ],
        )
    else:
        import json

        rows = [
            {"text": t, "entities": [[t.index("Rome"), t.index("Rome") + 4, "LOC"]] if "Rome" in t else []}
            for t in texts
        ]
        path.write_text("\n" + "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    evaluation = evaluate(ruler([("Oslo", "LOC")]), path, rounds=10)
    # The first line is empty, and so is the first document of the DocBin: both are counted.
    assert [error.place for error in evaluation.errors] == [(str(path), 3), (str(path), 4), (str(path), 4)]
    assert [error.to_dict()["line"] for error in evaluation.errors] == [3, 4, 4]
    assert [error.document for error in evaluation.errors] == [1, 2, 2]
