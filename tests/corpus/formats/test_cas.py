"""UIMA's analysis structures: which layer is read, and which of its features is the label."""

import json

import pytest

from corpus.converting import converted, entities, issue_texts

TEXT = "Ada Byron sent letters to Leipzig."
PLACES = ((0, 9), (26, 33))


def _xmi(*marks):
    """marks: element, place, features. A feature is a text, as any attribute."""
    spaces = "".join(
        f' xmlns:{prefix}="http:///{path}.ecore"'
        for prefix, path in (("cas", "uima/cas"), ("ner", "ner/type"), ("own", "webanno/custom"),
                             ("span", "org/apache/ctakes/typesystem/type/textspan"))
    )  # fmt: skip
    elements = "".join(
        f'<{name} xmi:id="{n}" sofa="1" begin="{begin}" end="{end}" '
        + " ".join(f'{key}="{value}"' for key, value in features.items())
        + "/>"
        for n, (name, (begin, end), features) in enumerate(marks, 2)
    )
    return (
        f'<?xml version="1.0"?><xmi:XMI xmlns:xmi="http://www.omg.org/XMI"{spaces}>{elements}'
        f'<cas:Sofa xmi:id="1" sofaString="{TEXT}"/></xmi:XMI>'
    )


def _json(*marks):
    found = [
        {"%ID": n, "%TYPE": name.replace(":", "."), "@sofa": 1, "begin": begin, "end": end, **features}
        for n, (name, (begin, end), features) in enumerate(marks, 2)
    ]
    sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": TEXT}
    return json.dumps({"%TYPES": {}, "%FEATURE_STRUCTURES": [sofa, *found]})


def _both(name, one, other):
    return ((name, PLACES[0], one), (name, PLACES[1], other))


@pytest.fixture(params=[("a.xmi", _xmi), ("a.json", _json)], ids=["xmi", "json"])
def read(request, tmp_path):
    file, write = request.param
    return lambda marks, **options: converted(tmp_path, file, write(*marks), **options)


@pytest.mark.parametrize(
    "features",
    [({"EntType": "PER"}, {"EntType": "LOC"}), ({"type": "PER"}, {"type": "LOC"}),
     ({"comment": "sure", "Label": "PER"}, {"comment": "no", "Label": "LOC"}),
     ({"subject": "patient", "confidence": "0.5", "entity_type": "PER"}, {"entity_type": "LOC"})],
)  # fmt: skip
def test_the_feature_called_like_a_label_is_the_label(read, features):
    report, docs = read(_both("own:Ent", *features))
    assert entities(docs) == [[("Ada Byron", "PER"), ("Leipzig", "LOC")]]
    assert not report.issues


def test_a_layer_without_a_label_is_the_label(read):
    marks = _both(
        "own:Writer", {"typeID": "2", "generic": "false"}, {"surface": "Leipzig", "subject": "patient"}
    )
    report, docs = read(marks)
    assert entities(docs) == [[("Ada Byron", "Writer"), ("Leipzig", "Writer")]]
    assert not report.issues


def test_a_named_entity_without_a_value_has_no_label(read):
    report, docs = read(_both("ner:NamedEntity", {"identifier": "Q7"}, {"value": "LOC"}))
    assert entities(docs) == [[("Leipzig", "LOC")]]
    assert issue_texts(report) == ["dropped: it has no label"]


def test_the_one_feature_of_another_name_is_told(read):
    report, docs = read(_both("own:Ent", {"Rolle": "PER"}, {"Rolle": "LOC"}))
    assert entities(docs) == [[("Ada Byron", "PER"), ("Leipzig", "LOC")]]
    assert issue_texts(report) == [
        "the layer Ent has no feature such as value or label: 'Rolle' is taken for the label"
    ]


def test_a_mark_of_the_whole_text_is_no_layer_of_entities(read):
    whole = (0, len(TEXT))
    marks = [("span:Segment", whole, {}), ("own:Review", whole, {"state": "done"})]
    report, docs = read([*marks, ("own:Writer", PLACES[0], {})])
    assert entities(docs) == [[("Ada Byron", "Writer")]]
    assert issue_texts(report) == ["1 annotations of the layer Review left out; --entities-column Review"]
    assert entities(read(marks, entities_column="Segment")[1]) == [[(TEXT, "Segment")]]
