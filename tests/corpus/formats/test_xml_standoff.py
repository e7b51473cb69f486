"""XML with a text and its entities beside it."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import read_all, surfaces

ANN = '<entity type="PER" start="0" end="3">Ann</entity><entity type="LOC" start="9" end="13">Oslo</entity>'
FOUND = [("Ann", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize(
    "body",
    [
        f'<doc id="a"><text>Ann left Oslo.</text><entities>{ANN}</entities></doc><doc id="b"><text>No.</text></doc>',
        f'<doc id="a"><entities>{ANN}</entities><text>Ann left Oslo.</text></doc><doc id="b"><entities/><text>No.</text></doc>',
        '<doc id="a"><Text>Ann left Oslo.</Text><annotation label="PER" start_offset="0" end_offset="3"/>'
        '<annotation label="LOC" begin="9" end="13" text="Oslo"/></doc><doc id="b"><text>No.</text></doc>',
        '<doc id="a"><text>Ann left Oslo.</text><PER type="" begin="0" end="3"/><Span class="LOC" from="9" to="13"/>'
        '<w start="0" end="3" pos="NE"/></doc><doc id="b"><text>No.</text></doc>',
    ],
)
def test_texts_and_the_entities_beside_them(tmp_path, body):
    name, (first, second) = read_all(tmp_path, "a.xml", f'<?xml version="1.0"?>\n<corpus>{body}</corpus>')
    assert name == "xml-standoff"
    assert (first.text, first.meta, second.text, second.spans) == ("Ann left Oslo.", {"id": "a"}, "No.", [])
    assert surfaces(first) == FOUND


def test_a_list_of_entities_outside_of_the_texts_parent(tmp_path):
    content = f"<corpus><head><text>Ann left Oslo.</text></head><entities>{ANN}</entities></corpus>"
    _, docs = converted(tmp_path, "a.xml", content)
    assert entities(docs) == [FOUND]


def test_what_is_broken_is_one_line(tmp_path):
    good = f"<doc>\n<text>Ann left Oslo.</text>\n{ANN}</doc>"
    with pytest.raises(InputError, match=r"a.xml:3: <entity>: the offset 'x' is not a number"):
        read_all(tmp_path, "a.xml", good.replace('start="9"', 'start="x"'))
    with pytest.raises(InputError, match=r"a.xml:1: entities with offsets, and no <text>"):
        read_all(tmp_path, "a.xml", f"<corpus>{good}<doc>{ANN}</doc></corpus>")
