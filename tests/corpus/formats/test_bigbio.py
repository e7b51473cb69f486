"""BigBio's passages and entities."""

import json

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.reading import entities_of, read_all


def test_bigbio_rows_of_a_data_set(tmp_path):
    """Streamed rows, an entity in two parts, and passages whose offsets leave a gap."""
    rows = [
        {
            "id": "0",
            "document_id": "7",
            "passages": [{"type": "t", "text": ["Ann."], "offsets": [[0, 4]]}, {"type": "a", "text": ["The left and right arm"], "offsets": [[7, 29]]}],
            "entities": [
                {"id": "1", "type": "P", "text": ["Ann"], "offsets": [[0, 3]]},
                {"id": "2", "type": "Arm", "text": ["left", "arm"], "offsets": [[11, 15], [26, 29]]},
                {"id": "3", "type": "X", "text": [], "offsets": []},
            ],
            "relations": [{"id": "4"}],
        }
    ]  # fmt: skip
    report = convert(iter(rows), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann", "P"), ("left and right arm", "Arm")]
    assert doc.user_data["meta"]["id"] == "7"
    assert report.issues == {
        ("unsupported", "changed"): 1,
        ("outside-text", "dropped"): 1,
        ("unsupported", "noted"): 1,
    }


def test_passages_that_touch(aligner, tmp_path):
    passages = [{"text": [w], "offsets": [[a, a + 7]]} for w, a in (("Ann ran", 0), ("Bob sat", 7))]
    item = {"passages": passages, "entities": [{"type": "P", "text": ["Bob"], "offsets": [[7, 10]]}]}
    _, records = read_all(tmp_path, "a.json", json.dumps(item))
    assert (records[0].text, entities_of(aligner, records)) == ("Ann ran Bob sat", [("Bob", "P")])
