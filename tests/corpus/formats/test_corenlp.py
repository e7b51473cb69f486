"""JSON of CoreNLP and Stanza."""

import json

import pytest

from cloudner.errors import InputError
from corpus.reading import entities_of, read_all
from corpus.samples.words import lines


def test_mentions_of_corenlp(aligner, tmp_path):
    """Two names side by side stay two, and pronouns that were resolved to one are left out."""
    words = [("Ann", "PERSON"), ("Bob", "PERSON"), ("met", "O"), ("her", "O")]
    tokens, at = [], 0
    for word, ner in words:
        tokens.append({"word": word, "characterOffsetBegin": at, "characterOffsetEnd": at + 3, "ner": ner})
        at += 4
    mentions = [{"tokenBegin": i, "tokenEnd": i + 1, "ner": "PERSON"} for i in (0, 1, 3)]
    tokens[2] |= {"word": "-LRB-", "originalText": "("}
    content = json.dumps({"docId": "d", "sentences": [{"entitymentions": mentions, "tokens": tokens}]})
    _, records = read_all(tmp_path, "a.json", content)
    assert records[0].text == "Ann Bob ( her"
    assert records[0].meta == {"id": "d"}
    assert [note[2][:10] for note in records[0].notes] == ["1 mentions"]
    assert entities_of(aligner, records) == [("Ann", "PERSON"), ("Bob", "PERSON")]
    without = json.dumps({"sentences": [{"tokens": [{"word": "Ann", "pos": "X"}]}]})
    with pytest.raises(InputError, match="--format corenlp"):
        read_all(tmp_path, "b.json", without)


def test_words_of_a_multiword_token_of_stanza(aligner, tmp_path):
    rows = [
        {"id": 1, "text": "Mort", "ner": "O", "start_char": 0, "end_char": 4},
        {"id": [2, 3], "text": "du", "ner": "O", "start_char": 5, "end_char": 7},
        {"id": 2, "text": "de"},
        {"id": 3, "text": "le"},
        {"id": 4, "text": "Tibre", "ner": "S-LOC", "misc": "start_char=8|end_char=13"},
    ]
    other = [{"id": 1, "text": "Oslo", "ner": "S-LOC", "start_char": 0, "end_char": 4}]
    for content, count in (
        (json.dumps([rows, other]), 2),
        (json.dumps([rows]), 1),
        (lines([rows], [other]), 2),
    ):
        _, records = read_all(tmp_path, "a.json", content)
        assert len(records) == count
        assert records[0].tokens == ["Mort", "du", "Tibre"]
        assert entities_of(aligner, records)[0] == ("Tibre", "LOC")
