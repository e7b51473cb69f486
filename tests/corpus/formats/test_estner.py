"""EstNER: levels of nesting in each word."""

import json

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import read_all, surfaces

WORDS = [
    ("Jaan", "B-PER", "O"),
    ("Tamm", "I-PER", "O"),
    ("Tallinna", "B-ORG", "B-GPE"),
    ("Ülikoolist", "I-ORG", "O"),
]
LISTS = [{"text": text, "ner": [*tags, "O"]} for text, *tags in WORDS]
NUMBERS = [{"text": text, "ner_1": first, "ner_2": second} for text, first, second in WORDS]
ALL = [("Jaan Tamm", "PER"), ("Tallinna Ülikoolist", "ORG"), ("Tallinna", "GPE")]
NEXT = {"words": [{"text": "Tamm", "ner": ["I-PER"]}]}  # after an entity that ends with its sentence


@pytest.mark.parametrize("words", [LISTS, NUMBERS], ids=["lists", "numbered"])
@pytest.mark.parametrize("wrap", [lambda doc: {"documents": [doc]}, lambda doc: [doc], lambda doc: doc])
def test_every_level_is_read(tmp_path, words, wrap):
    content = json.dumps(wrap({"fname": "a.txt", "sentences": [{"words": words}, {"words": []}, NEXT]}))
    name, (record,) = read_all(tmp_path, "a.json", content)
    assert name == "estner"
    assert (record.text, record.sent_starts) == ("Jaan Tamm Tallinna Ülikoolist Tamm", [0, 4])
    assert surfaces(record) == [*ALL, ("Tamm", "PER")]
    _, (doc,) = converted(tmp_path, "a.json", content, spans="sc")
    assert {(span.text, span.label_) for span in doc.spans["sc"]} == {*ALL, ("Tamm", "PER")}
    assert len(doc.spans["sc"]) == 4
    _, docs = converted(tmp_path, "a.json", content)
    assert entities(docs) == [[ALL[0], ALL[1], ("Tamm", "PER")]]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda words: [{"tokens": words}],
        lambda words: {"sentences": [{"tokens": words}]},
        lambda words: {"id": 1, "words": words},
    ],
)
def test_words_with_one_tag_each(tmp_path, wrap):
    words = [{"text": text, "pos": "X", "ner": tag} for text, tag, _ in WORDS]
    name, (record,) = read_all(tmp_path, "a.json", json.dumps(wrap(words)))
    assert name == "estner"
    assert surfaces(record) == ALL[:2]


def test_a_word_without_tags_is_one_line(tmp_path):
    content = json.dumps([{"sentences": [{"words": [*LISTS, {"text": "x"}]}]}])
    with pytest.raises(InputError, match=r"""a.json:1: document: the word {"text": "x"};"""):
        read_all(tmp_path, "a.json", content)
