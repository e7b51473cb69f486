"""Argilla 2's records as rows of a data set, `spans.responses` beside `spans.responses.users`."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.converting import converted, entities, issue_texts
from corpus.samples.words import DICTS, TEXT

ANN = [{"start": 0, "end": 5, "label": "PER"}]
ROW = {
    "id": "r1",
    "_server_id": "s",
    "status": "completed",
    "inserted_at": "2024-01-01",
    "text": TEXT,
    "topic": "physics",
    "spans.suggestion": ANN,
    "spans.suggestion.agent": "model-1",
    "spans.suggestion.score": None,
    "spans.responses": [ANN, DICTS],
    "spans.responses.users": ["u1", "u2"],
    "spans.responses.status": ["draft", "submitted"],
}
BARE = {**ROW, "id": "r2", "spans.responses": None, "spans.responses.users": None, "spans.responses.status": None}  # fmt: skip
FOUND = [("Marie Curie", "PER"), ("Warsaw", "LOC")]


def test_lines(tmp_path):
    """Drafts are not read, and a suggestion only where it is asked for."""
    content = json.dumps(ROW) + "\n" + json.dumps(BARE) + "\n"
    report, docs = converted(tmp_path, "a.jsonl", content, group_by="topic")
    assert report.detected[0][1] == "argilla"
    assert entities(docs) == [FOUND, []]
    assert docs[0].user_data["meta"] == {"id": "r1", "group": "physics"}
    assert not docs[1].has_annotation("ENT_IOB")
    assert any("the suggestion of model-1 is left out" in text for text in issue_texts(report))
    _, docs = converted(tmp_path, "a.jsonl", content, annotator="model-1")
    assert entities(docs)[1] == [("Marie", "PER")]


@pytest.mark.parametrize("by_columns", [True, False])
def test_rows_of_a_data_set(tmp_path, by_columns):
    row = ROW
    if by_columns:  # how `datasets` gives a list of objects
        row = {**ROW, "spans.responses": [{key: [s[key] for s in spans] for key in DICTS[0]} for spans in (ANN, DICTS)]}  # fmt: skip
    convert(iter([row]), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [(ent.text, ent.label_) for ent in doc.ents] == FOUND
