"""What displaCy renders, and what it is given."""

import json

import pytest
import spacy
from spacy import displacy
from spacy.tokens import Doc, Span

from cloudner.errors import InputError
from corpus.reading import all_surfaces, read_all, surfaces

FOUND = [("Marie Curie", "PER"), ("R&D <x>", "ORG"), ("Warsaw", "LOC")]


def documents():
    vocab = spacy.blank("en").vocab
    first = Doc(
        vocab,
        ["Marie", "Curie", '"met"', "R&D", "<x>", "in", "\n\n", "Warsaw", "."],
        [True] * 5 + [False] * 4,
        ents=["B-PER", "I-PER", "O", "B-ORG", "I-ORG", "O", "O", "B-LOC", "O"],
    )
    first.ents = [*first.ents[:2], Span(first, 7, 8, "LOC", kb_id="Q270")]
    first.user_data["title"] = "One & two"
    return [first, Doc(vocab, ["Nothing", "here", "."], [True, False, False])]


@pytest.mark.parametrize("page", [True, False])
@pytest.mark.parametrize("minify", [True, False])
def test_a_page_is_read_to_the_documents_that_it_shows(tmp_path, page, minify):
    docs = documents()
    rendered = displacy.render(docs, style="ent", page=page, minify=minify, jupyter=False)
    for content in (rendered, rendered.replace("\n", "\r\n")):
        name, records = read_all(tmp_path, "a.html", content)
        assert name == "displacy"
        assert [record.text for record in records] == [doc.text for doc in docs]
        assert [surfaces(record) for record in records] == [FOUND, []]
        assert [record.meta for record in records] == [{"title": "One & two"}, {}]


def test_an_overlapping_or_cut_page_is_one_line(tmp_path):
    rendered = displacy.render(documents(), style="ent", jupyter=False)
    with pytest.raises(InputError, match=r"a\.html:\d+.*without its end"):
        read_all(tmp_path, "a.html", rendered[: rendered.rindex("</div>")])
    with pytest.raises(InputError, match="<b> in the text"):
        read_all(tmp_path, "a.html", rendered.replace("here", "<b>here</b>"))


@pytest.mark.parametrize("many", [True, False])
def test_what_is_given_to_displacy_by_hand(tmp_path, many):
    item = {"text": "Marie Curie in Warsaw.", "ents": [{"start": 0, "end": 11, "label": "PER"}, {"start": 15, "end": 21, "label": "LOC"}], "title": None}  # fmt: skip
    _, records = read_all(tmp_path, "a.json", json.dumps([item, item] if many else item))
    assert all_surfaces(records) == [("Marie Curie", "PER"), ("Warsaw", "LOC")] * (1 + many)
    assert all(not record.notes for record in records)
