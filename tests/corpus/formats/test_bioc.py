"""BioC, as XML and as JSON."""

import json

import pytest

from cloudner.errors import InputError
from corpus.reading import all_surfaces, entities_of, read_all


def _annotation(label, text, *places):
    return {
        "id": "1",
        "infons": {"type": label},
        "text": text,
        "locations": [{"offset": at, "length": size} for at, size in places],
    }


DOCUMENT = {
    "id": "7",
    "infons": {"journal": "J"},
    "passages": [
        {"offset": 0, "text": "Ann fell.", "annotations": [_annotation("PER", "Ann", (0, 3))], "relations": []},
        {"offset": 10, "text": "In Oslo.", "annotations": [_annotation("LOC", "Oslo", (13, 4))], "sentences": []},
    ],
    "relations": [{"id": "R1"}],
}  # fmt: skip
OTHER = {**DOCUMENT, "id": "8"}
FOUND = [("Ann", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"source": "x", "documents": [DOCUMENT, OTHER]}),
        json.dumps({"PubTator3": [DOCUMENT, OTHER]}),
        json.dumps([{"bioctype": "BioCCollection", "documents": [DOCUMENT]}, {"documents": [OTHER]}]),
        json.dumps([DOCUMENT, OTHER], indent=1),
        json.dumps(DOCUMENT) + "\n" + json.dumps(OTHER) + "\n",
    ],
    ids=["collection", "PubTator3", "collections", "list", "lines"],
)
def test_documents_of_json(aligner, tmp_path, content):
    name, records = read_all(tmp_path, "a.json", content, group_by="infons.journal")
    assert name == "bioc-json"
    assert [record.text for record in records] == ["Ann fell.\nIn Oslo."] * 2
    assert [record.meta for record in records] == [{"id": "7", "group": "J"}, {"id": "8", "group": "J"}]
    assert [record.notes for record in records] == [[("unsupported", "noted", "1 relations left out")]] * 2
    assert entities_of(aligner, records) == FOUND * 2


def test_a_collection_longer_than_the_sample(tmp_path):
    many = [{**DOCUMENT, "id": str(n)} for n in range(400)]
    for content in (
        json.dumps({"PubTator3": many}),
        json.dumps(
            {
                **DOCUMENT,
                "passages": DOCUMENT["passages"]
                + [{"infons": {"x": "y" * 50}, "offset": 20 * n, "text": ""} for n in range(2000)],
            }
        ),
    ):
        assert read_all(tmp_path, "a.json", content)[0] == "bioc-json"


def test_sentences_hold_text_and_annotations(tmp_path):
    sentence = {"offset": 5, "text": "Ann ran.", "annotations": [_annotation("PER", "Ann", (5, 3))]}
    passages = [
        {"offset": 0, "text": "Who?", "sentences": [{"offset": 0, "text": "Who?", "annotations": []}]},
        {"offset": 5, "sentences": [sentence]},
    ]
    _, records = read_all(tmp_path, "a.json", json.dumps({"documents": [{"id": "1", "passages": passages}]}))
    assert records[0].text == "Who?\nAnn ran."
    assert all_surfaces(records) == [("Ann", "PER")]
    assert records[0].notes == []


def test_what_a_span_cannot_hold_is_told(tmp_path):
    """Parts, an annotation nowhere, and a passage that lies inside another one, which was lost in silence in XML too."""
    passages = [
        {"offset": 0, "text": "left and right arm", "annotations": [_annotation("Arm", "left arm", (0, 4), (15, 3)), _annotation("X", "x")]},
        {"offset": 3, "text": "lost"},
    ]  # fmt: skip
    _, records = read_all(tmp_path, "a.json", json.dumps({"documents": [{"id": "1", "passages": passages}]}))
    told = [
        ("unsupported", "noted", "the passage at 3 lies inside the one before: 'lost' left out"),
        ("unsupported", "changed", "Arm 'left arm' in 2 parts made one span"),
        ("outside-text", "dropped", "X 'x' has no location"),
    ]
    assert records[0].notes == told
    assert all_surfaces(records) == [("left and right arm", "Arm")]
    xml = (
        "<collection><source>x</source><document><id>1</id><passage><offset>0</offset><text>left and right arm</text>"
        '<annotation><infon key="type">Arm</infon><location offset="0" length="4"/><location offset="15" length="3"/>'
        '<text>left arm</text></annotation><annotation><infon key="type">X</infon><text>x</text></annotation></passage>'
        "<passage><offset>3</offset><text>lost</text></passage></document></collection>"
    )
    name, records = read_all(tmp_path, "a.xml", xml)
    assert (name, records[0].notes) == ("bioc", told)


def test_broken_documents_are_one_line(tmp_path):
    good = json.dumps(DOCUMENT)
    with pytest.raises(InputError, match=r"a\.jsonl:2.*no passages in .*expected.*passages"):
        read_all(tmp_path, "a.jsonl", good + '\n{"id": "8"}\n')
    bad = good.replace('"offset": 13', '"offset": "x"')
    with pytest.raises(InputError, match="document 7: the offset 'x' is not a number"):
        read_all(tmp_path, "a.jsonl", bad)
