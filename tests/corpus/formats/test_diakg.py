"""DiaKG: what its offsets count is told by the entities' words."""

import json

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, surfaces

SENTENCES = ["糖尿病患者。", "胰岛素有效，胰岛素。"]
FOUND = [(0, "糖尿病", "Disease", 0), (1, "胰岛素", "Drug", 0), (1, "胰岛素", "Drug", 6)]


def document(relative, last):
    """relative: do offsets count within the sentence? last: what lies between the end and the last character."""
    starts = [0, len(SENTENCES[0])]
    parts = []
    for number, text in enumerate(SENTENCES):
        first = 0 if relative else starts[number]
        marked = [
            {"entity_id": "T", "entity": words, "entity_type": label, "start_idx": first + at, "end_idx": first + at + len(words) - last}
            for sentence, words, label, at in FOUND if sentence == number
        ]  # fmt: skip
        parts.append({"sentence_id": "0", "sentence": text, "entities": marked, "relations": [{}]})
    return {"doc_id": "7", "paragraphs": [{"paragraph_id": "0", "paragraph": "".join(SENTENCES), "sentences": parts}]}  # fmt: skip


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("last", [0, 1])
def test_offsets_of_sentences_or_paragraphs(tmp_path, relative, last):
    content = json.dumps(document(relative, last), ensure_ascii=False)
    name, (record,) = read_all(tmp_path, "7.json", content)
    assert name == "diakg"
    assert (record.text, record.meta) == ("".join(SENTENCES), {"id": "7-0", "doc_id": "7"})
    assert [(span.start, span.end, span.label) for span in record.spans] == [
        (0, 3, "Disease"),
        (6, 9, "Drug"),
        (12, 15, "Drug"),
    ]
    assert [pair[0] for pair in surfaces(record)] == ["糖尿病", "胰岛素", "胰岛素"]
    report, docs = converted(tmp_path, "7.json", content, lang="zh")
    assert entities(docs) == [[("糖尿病", "Disease"), ("胰岛素", "Drug"), ("胰岛素", "Drug")]]
    assert issue_texts(report) == ["2 relations left out"]


def test_broken_documents_are_one_line(tmp_path):
    good = document(True, 0)
    content = json.dumps(good, ensure_ascii=False)
    with pytest.raises(InputError, match=r"a.json:1: document: the entity .*start"):
        read_all(tmp_path, "a.json", content.replace('"end_idx"', '"end"'))
    good["paragraphs"][0]["sentences"][1]["sentence"] = "别的"
    with pytest.raises(InputError, match=r"the sentence '别的' is not in its paragraph"):
        read_all(tmp_path, "a.json", json.dumps(good, ensure_ascii=False))
