"""IMCS-21's dialogues."""

import json

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import read_all, surfaces

ASKED = {
    "sentence_id": "1",
    "speaker": "医生",
    "sentence": "有发热吗",
    "dialogue_act": "Request-Symptom",
    "BIO_label": "O B-Symptom I-Symptom O",
    "symptom_norm": ["发热"],
}
TOLD = {
    "sentence_id": "2",
    "speaker": "患者",
    "sentence": "热，咳嗽",
    "BIO_label": "I-Symptom O B-Symptom I-Symptom",
}
TREE = {
    "10000001": {
        "diagnosis": "小儿支气管炎",
        "self_report": "宝宝咳嗽",
        "dialogue": [ASKED, TOLD],
        "report": [],
    },
    "10000002": {"diagnosis": "x", "self_report": "y", "dialogue": [ASKED]},
}


def test_a_dialogue_is_a_document(tmp_path):
    content = json.dumps(TREE, ensure_ascii=False, indent=2)
    name, (first, second) = read_all(tmp_path, "IMCS-NER_train.json", content)
    assert name == "imcs"
    assert (first.text, first.meta) == ("有发热吗\n热，咳嗽", {"id": "10000001"})
    assert surfaces(first) == [("发热", "Symptom"), ("热", "Symptom"), ("咳嗽", "Symptom")]
    assert surfaces(second) == [("发热", "Symptom")]
    report, docs = converted(tmp_path, "a.json", content, lang="zh")
    assert entities(docs) == [surfaces(first), surfaces(second)]
    assert not report.issues


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"BIO_label": "O O"}, r"a.json:1: dialogue '10000002': 2 tags of 4 characters in '有发热吗'"),
        ({"BIO_label": None}, r"a.json:1: dialogue '10000002': an utterance without sentence or BIO_label"),
    ],
)
def test_a_broken_utterance_is_one_line(tmp_path, change, error):
    tree = TREE | {"10000002": {"dialogue": [ASKED | change]}}
    with pytest.raises(InputError, match=error):
        read_all(tmp_path, "a.json", json.dumps(tree, ensure_ascii=False))
