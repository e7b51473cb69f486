"""`convert --apply`: accepted decisions change the corpus, and nothing is changed that was not reviewed."""

from __future__ import annotations

import json
import shutil

import pytest

import cloudner
from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.decisions import Decisions, DocumentNames
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.reading import aligned_chunks
from cloudner.errors import InputError

TEXTS = [
    ("a", "Ada met Bob Stone in Paris today.", [[0, 3, "ORG"], [12, 17, "PER"], [27, 32, "LOC"]]),
    ("", "Quito is far.", []),
    ("b", "Nothing new.", []),
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    rows = [{**({"id": i} if i else {}), "text": t, "entities": e} for i, t, e in TEXTS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    return path


def decision(document, given, suggested, answer="accept", **more):
    start, end, label = given or (*suggested[:2], None)
    new = None if suggested is None else dict(zip(("start", "end", "label"), suggested, strict=True))
    row = {"id": document, "start": start, "end": end, "label": label, "suggested": new, "decision": answer}
    return {**row, **more}


def apply(corpus, rows):
    """The entities by text after the decisions."""
    decisions = corpus.with_name("decisions.jsonl")
    decisions.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    out = corpus.with_name("out.jsonl")
    report = cloudner.convert(corpus, out, apply=decisions)
    made = [json.loads(line) for line in out.read_text("utf8").splitlines()]
    return [[(e["start"], e["end"], e["label"]) for e in row["entities"]] for row in made], report


UNNAMED = DocumentNames().name(None, TEXTS[1][1])
ALL = [
    decision("a", (0, 3, "ORG"), (0, 3, "PER"), text="Ada"),
    decision("a", (12, 17, "PER"), (8, 17, "PER")),
    decision("a", (27, 32, "LOC"), None),
    decision(UNNAMED, None, (0, 5, "GPE"), text="Quito"),
    decision("b", None, (0, 7, "PER"), "reject"),
    decision("b", None, (8, 11, "PER"), ""),
]


def test_all_four_kinds(corpus):
    found, report = apply(corpus, ALL)
    assert found == [[(0, 3, "PER"), (8, 17, "PER")], [(0, 5, "GPE")], []]
    assert report.decisions == {"accept": 4, "reject": 1, "open": 1}
    assert report.labels == {"PER": 2, "GPE": 1}
    assert any("4 accepted and applied, 1 rejected, 1 without a decision" in line for line in report.lines())


def test_the_same_through_a_spacy_file(corpus, tmp_path):
    before, _ = apply(corpus, ALL)
    cloudner.convert(corpus, tmp_path / "corpus.spacy")
    shutil.copy(corpus.with_name("decisions.jsonl"), tmp_path / "kept.jsonl")
    out = tmp_path / "again.jsonl"
    cloudner.convert(tmp_path / "corpus.spacy", out, apply=tmp_path / "kept.jsonl")
    made = [json.loads(line) for line in out.read_text("utf8").splitlines()]
    assert [[(e["start"], e["end"], e["label"]) for e in row["entities"]] for row in made] == before


def test_arrays_of_another_process_are_read_only_and_stay(corpus):
    apply(corpus, ALL)
    (source,) = open_sources(str(corpus))
    chunk = next(aligned_chunks(source, Aligner("en"), ReadOptions()))
    sent = Chunk.unpack(chunk.pack())
    assert not sent.iob.flags.writeable
    Decisions(corpus.with_name("decisions.jsonl")).apply(sent)
    assert [sent.string(key) for key in sent.entities()[2].tolist()] == ["PER", "PER", "GPE"]
    assert [chunk.string(key) for key in chunk.entities()[2].tolist()] == ["ORG", "PER", "LOC"]


def test_two_texts_of_one_name_are_told_apart(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "Ada met Bob", "entities": []}\n' * 2, "utf8")
    second = DocumentNames().name(None, "Ada met Bob") + "#2"
    found, _ = apply(path, [decision(second, None, (0, 3, "PER"))])
    assert found == [[], [(0, 3, "PER")]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (decision("a", (0, 3, "ORG"), None, text="Eda"), "'Ada' at 0 to 3 of document 'a'; expected 'Eda'"),
        (decision("a", None, (30, 99, "PER")), "at 30 to 99 of document 'a'"),
        (decision("a", (0, 3, "LOC"), None), "document 'a' has ORG 0-3 there; expected LOC 0-3"),
        (decision("a", (4, 7, "LOC"), None), "has no annotation there; expected LOC 4-7"),
        (decision("a", None, (8, 17, "PER")), "PER 'Bob Stone' overlaps PER 'Stone'"),
        (decision("a", None, (5, 7, "PER")), "5 to 7 cuts a token"),
        (decision("c", None, (0, 3, "PER")), "no document 'c' in the sources"),
        (decision("a", None, (3, 0, "PER")), "start 3 and end 0"),
        (decision("a", None, (0, 3, "")), "label ''"),
        (decision("a", None, (0, 3, "PER"), "yes"), "decision 'yes'; expected accept, reject, or nothing"),
        ({**decision("a", None, (0, 3, "PER")), "suggested": None}, "neither a label nor a suggestion"),
        ({**decision("a", None, (0, 3, "PER")), "suggested": 3}, "suggested 3"),
        ({**decision("a", None, (0, 3, "PER")), "id": None}, "id None"),
        ([1], "no JSON object"),
    ],
)
def test_what_does_not_fit_is_one_error_and_writes_nothing(corpus, row, message):
    with pytest.raises(InputError) as caught:
        apply(corpus, [ALL[2], row])
    assert message in str(caught.value)
    assert "decisions.jsonl:2" in str(caught.value)
    assert not corpus.with_name("out.jsonl").exists()


def test_a_suggestion_over_two_annotations_needs_both_lines(tmp_path):
    path = tmp_path / "corpus.jsonl"
    row = {"id": "x", "text": "New York Times", "entities": [[0, 8, "LOC"], [9, 14, "ORG"]]}
    path.write_text(json.dumps(row) + "\n", "utf8")
    whole = (0, 14, "ORG")
    with pytest.raises(InputError, match="accept the other's line too"):
        apply(path, [decision("x", (0, 8, "LOC"), whole)])
    found, _ = apply(path, [decision("x", (0, 8, "LOC"), whole), decision("x", (9, 14, "ORG"), whole)])
    assert found == [[whole]]
