"""Not annotated, and in no entity: two things that no conversion turns into one another."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import Record
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.docbin.writer import DocBinWriter
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts, missing
from corpus.reading import put

WORDS = ["Ann", "left", "Oslo", "."]
WRITERS = sorted(name for name, fmt in formats().items() if fmt.write or fmt.write_path)

REFUSE = {
    "brat",
    "cluener",
    "dataturks",
    "doccano",
    "inline-xml",
    "markup",
    "opennlp",
    "pubtator",
    "spacy-v3-json",
}
WHOLE = {"csv", "tsv", "label-studio", "spacy-tuples"}  # a document is annotated, or it is not


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.csv",
            "sentence_id,word,tag\n1,Ann,B-PER\n1,left,{}\n1,Oslo,B-LOC\n2,She,{}\n2,saw,{}\n2,Al,B-PER\n",
        ),
        ("a.tsv", "Ann\tB-PER\nleft\t{}\nOslo\tB-LOC\n\nShe\t{}\nsaw\t{}\nAl\tB-PER\n"),
    ],
)
@pytest.mark.parametrize("nothing", ["", "-", "nan", "None", "_"])
def test_an_empty_tag_is_outside_where_the_file_has_no_o(tmp_path, name, content, nothing):
    report, docs = converted(tmp_path, name, content.replace("{}", nothing))
    assert entities(docs) == [[("Ann", "PER"), ("Oslo", "LOC")], [("Al", "PER")]]
    assert missing(docs) == [0, 0]
    assert report.issues == {("no-outside", "noted"): 1}
    assert f"--label {nothing}=?" in issue_texts(report)[0]


def test_null_tags_of_rows_are_outside_where_no_row_has_an_o(tmp_path):
    row = json.dumps({"tokens": WORDS, "ner_tags": ["B-PER", None, "B-LOC", None]})
    _, docs = converted(tmp_path, "a.jsonl", row + "\n")
    assert missing(docs) == [0]


def test_an_empty_tag_beside_an_o_is_not_annotated(tmp_path):
    report, docs = converted(tmp_path, "a.tsv", "Ann\tB-PER\nleft\tO\nOslo\tB-LOC\n\nShe\t-\nsaw\t-\nAl\t-\n")
    assert missing(docs) == [0, 3]
    assert (report.unannotated_tokens, report.unannotated_docs) == (3, 1)
    assert "not annotated: 3 tokens, 1 whole documents among them" in report.lines()


def test_the_user_says_that_an_empty_tag_is_unknown(tmp_path):
    _, docs = converted(tmp_path, "a.tsv", "Ann\tB-PER\nleft\t-\nOslo\tB-LOC\n", labels={"-": "?"})
    assert missing(docs) == [1]


def test_an_o_that_comes_late_is_told(tmp_path):
    content = "Ann\tB-PER\nleft\t-\n\n" * 600 + "She\tO\nleft\t-\n"
    with pytest.raises(InputError, match="an O, after 512 tokens") as error:
        convert(str(put(tmp_path, "a.tsv", content)), str(tmp_path / "a.spacy"))
    assert error.value.line == 1801


def test_the_report_always_says_how_much_is_unannotated(tmp_path):
    report, _ = converted(tmp_path, "a.tsv", "Ann\tB-PER\nleft\tO\n")
    assert "not annotated: 0 tokens, 0 documents" in report.lines()
    assert report.as_dict()["unannotated_tokens"] == 0


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "tags",
    [[None] * 4, ["B-PER", None, "B-LOC", None], ["B-PER", "O", None, "O"]],
    ids=["none", "entities", "mixed"],
)
def test_what_is_unknown_is_written_so_or_refused(tmp_path, name, tags):
    """Beside a document that is annotated, so that each format is recognised."""
    whole = Record(
        "x", 1, tokens=[*WORDS, "Bye", "."], tags=["B-PER", "O", "B-LOC", "O", "O", "O"], sent_starts=[0]
    )
    writer = DocBinWriter(tmp_path / "a.spacy")
    writer.add(Aligner("en").chunk([whole, Record("x", 2, tokens=WORDS, tags=tags, sent_starts=[0])]))
    writer.close()
    output = tmp_path / "written"
    if name in REFUSE or (name in WHOLE and any(tags)):
        with pytest.raises(InputError, match="annotated in part"):
            convert(tmp_path / "a.spacy", output, to=name)
        assert not output.exists()
        return
    convert(tmp_path / "a.spacy", output, to=name)
    convert(output, tmp_path / "b.spacy", format=name)
    before, after = (
        [token.ent_iob for doc in DocBin().from_disk(tmp_path / file).get_docs(Vocab()) for token in doc]
        for file in ("a.spacy", "b.spacy")
    )
    unknown = [iob == 0 for iob in after]
    if name in ("jsonl", "prodigy"):  # of a document annotated in part they keep the entities only
        assert all(there for there, iob in zip(unknown, before, strict=True) if iob == 0)
    else:
        assert unknown == [iob == 0 for iob in before]


def test_unannotated_tasks_stay_so_in_tables(tmp_path):
    tasks = [
        {"id": 1, "data": {"text": "Ann left."}, "annotations": [{"result": [
            {"type": "labels", "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}]}]},
        {"id": 2, "data": {"text": "She stayed."}, "annotations": []},
        {"id": 3, "data": {"text": "It rained."}, "annotations": [{"result": []}]},
    ]  # fmt: skip
    convert(str(put(tmp_path, "a.json", json.dumps(tasks))), str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text().splitlines()[2:] == ["2,She stayed.,null", "3,It rained.,[]"]
    report, docs = converted(tmp_path, "b.csv", (tmp_path / "a.csv").read_text())
    assert missing(docs) == [0, 3, 0]
    assert report.unannotated_docs == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,entities\nAnn ran.,"[[0, 3, ""PER""]]"\nAl ran.,\nBo ran.,NaN\nIt rained.,[]\n'),
        (
            "a.jsonl",
            '{"text": "Ann ran.", "entities": [[0, 3, "PER"]]}\n{"text": "Al ran.", "entities": null}\n'
            '{"text": "Bo ran.", "entities": null}\n{"text": "It rained.", "entities": []}\n',
        ),
    ],
)
def test_no_value_in_place_of_entities_is_told(tmp_path, name, content):
    report, docs = converted(tmp_path, name, content)
    assert entities(docs) == [[("Ann", "PER")], [], [], []]
    assert missing(docs) == [0, 0, 0, 0]
    assert report.issues == {("no-value", "noted"): 2}
    assert "in 2 of the documents" in report.hints[0]
