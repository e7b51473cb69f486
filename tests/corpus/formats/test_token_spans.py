"""JSON with spans by positions of tokens."""

import json

import pytest

from cloudner.errors import InputError
from corpus.reading import entities_of, read_all, surfaces
from corpus.samples.words import ADA_WORDS, SPANS, WORDS, lines


def test_many_spans_and_none_of_one_token_end_behind_their_last(aligner, tmp_path):
    row = {"tokens": WORDS, "ner": [[0, 2, "PER"], [5, 6, "LOC"]]}
    _, records = read_all(tmp_path, "a.jsonl", lines(*[row] * 5))
    assert entities_of(aligner, records) == SPANS * 5


def test_spans_by_tokens_alone(aligner, tmp_path):
    tokens = [{"text": "big", "start": 0, "end": 3}, {"text": "Bob", "start": 4, "end": 7}]
    item = {
        "text": "big Bob",
        "tokens": tokens,
        "spans": [{"token_start": 1, "token_end": 1, "label": "PER"}],
    }
    _, records = read_all(tmp_path, "a.jsonl", lines(item))
    assert entities_of(aligner, records) == [("Bob", "PER")]


def test_positions_of_tokens_that_are_not_there(tmp_path):
    rows = [
        {"tokens": WORDS, "ner": [[0, 1, "PER"], [5, 5, "LOC"]]},
        {"tokens": ["a", "b"], "ner": [[1, 2, "PER"]]},
    ]
    with pytest.raises(InputError, match=r"a\.jsonl:2: span: .*2 tokens"):
        read_all(tmp_path, "a.jsonl", lines(*rows))


def test_a_mention_outside_its_sentences(tmp_path):
    good = {"sents": [WORDS], "vertexSet": [[{"pos": [0, 2], "sent_id": 0, "type": "PER"}]]}
    bad = {"sents": [WORDS], "vertexSet": [[{"pos": [0, 2], "sent_id": 1, "type": "PER"}]]}
    with pytest.raises(InputError, match=r"a\.json:2: span: the mention"):
        read_all(tmp_path, "a.json", lines(good, bad))


def test_an_entity_of_w2ner_with_a_gap_is_an_error(tmp_path):
    content = json.dumps([{"sentence": ADA_WORDS, "ner": [{"index": [0, 1], "type": "PER"}]}] * 2).replace(
        "[0, 1]", "[0, 2]", 1
    )
    with pytest.raises(InputError, match=r"an entity with a gap.*part it in two"):
        read_all(tmp_path, "dev.json", content)


def test_the_words_of_a_span_before_its_label(tmp_path):
    row = {
        "tokens": ["Oto", "Benes", "left", "Brno"],
        "entities": [[0, 1, "Oto Benes", "PERSON"], [3, 3, "Brno", "PLACE"]],
    }
    (record,) = read_all(tmp_path, "a.json", json.dumps(row))[1]
    assert surfaces(record) == [("Oto Benes", "PERSON"), ("Brno", "PLACE")]


def test_spans_by_sentence_as_biaffine_ner_has_them(tmp_path):
    row = {
        "doc_key": "a_1",
        "ners": [[[0, 1, "PER"], [3, 3, "LOC"]]],
        "sentences": [["Ann", "Lee", "left", "Oslo"]],
    }
    name, (record,) = read_all(tmp_path, "train.jsonlines", lines(row))
    assert name == "token-spans"
    assert surfaces(record) == [("Ann Lee", "PER"), ("Oslo", "LOC")]


def test_ends_behind_the_last_word_where_the_sentences_end_so(tmp_path):
    """As in SciREX."""
    row = {
        "doc_id": "a",
        "words": ["Ann", "Lee", "left", ".", "Oslo", "slept"],
        "sentences": [[0, 4], [4, 6]],
        "ner": [[0, 2, "PER"], [4, 5, "LOC"]],
    }
    _, (record,) = read_all(tmp_path, "a.jsonl", lines(row))
    assert surfaces(record) == [("Ann Lee", "PER"), ("Oslo", "LOC")]
