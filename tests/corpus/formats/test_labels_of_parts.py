"""Labels and words that are parts of others: B- and I- on spans, word pieces, entities over sentences, whole texts."""

import json

import pytest
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.docbin.writer import DocBinWriter
from cloudner.corpus.formats.columns.conll import CONLL
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put


def test_spans_with_positions_are_joined(tmp_path):
    rows = [
        {
            "text": "Ann Lee met Jo Ek in Oslo.",
            "entities": [
                [0, 3, "B-PER"],
                [4, 7, "I-PER"],
                [12, 14, "B-PER"],
                [15, 17, "I-PER"],
                [21, 25, "B-LOC"],
            ],
        },
        {"text": "Al left.", "entities": [[0, 2, "B-PER"]]},
    ]
    report, docs = converted(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert entities(docs) == [[("Ann Lee", "PER"), ("Jo Ek", "PER"), ("Oslo", "LOC")], [("Al", "PER")]]
    assert "5 spans with labels such as B-PER joined to 3 entities" in issue_texts(report)


def test_labels_that_only_look_so_are_kept(tmp_path):
    row = {"text": "B cells and T cells", "entities": [[0, 7, "B-cell"], [12, 19, "T-cell"]]}
    assert entities(converted(tmp_path, "a.jsonl", json.dumps(row) + "\n")[1]) == [
        [("B cells", "B-cell"), ("T cells", "T-cell")]
    ]


def pipeline_output(text, *spans):
    """What the token classification pipeline of transformers gives without an aggregation strategy."""
    pieces = [
        {"entity": tag, "score": 0.99, "index": n, "word": text[start:end], "start": start, "end": end}
        for n, (start, end, tag) in enumerate(spans, start=1)
    ]
    return json.dumps({"text": text, "entities": pieces}) + "\n"


OTO = "Oto Benes and Eva Ek left Brno"


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        # I- alone; B- only where an entity follows another; a label with B- alone beside one with I- alone
        ([(0, 3, "I-PER"), (4, 9, "I-PER"), (26, 30, "I-LOC")], [("Oto Benes", "PER"), ("Brno", "LOC")]),
        ([(0, 3, "I-PER"), (4, 9, "I-PER")], [("Oto Benes", "PER")]),
        ([(14, 17, "I-PER"), (18, 20, "B-PER")], [("Eva", "PER"), ("Ek", "PER")]),
        ([(0, 3, "I-PER"), (4, 9, "I-PER"), (26, 30, "B-LOC")], [("Oto Benes", "PER"), ("Brno", "LOC")]),
        ([(0, 2, "I-PER"), (2, 3, "I-PER"), (4, 9, "I-PER"), (14, 20, "I-PER")], [("Oto Benes", "PER"), ("Eva Ek", "PER")]),
    ],
)  # fmt: skip
def test_spans_of_a_tagger_that_begins_with_i(tmp_path, spans, expected):
    report, docs = converted(tmp_path, "a.jsonl", pipeline_output(OTO, *spans))
    assert entities(docs) == [expected]
    assert report.issues == {("position-labels", "repaired"): 1}


@pytest.mark.parametrize("labels", [["I-beam", "I-beam"], ["I-94", "I-130"], ["B-cell", "B-lymphocyte"]])
def test_labels_that_begin_with_i_or_b(tmp_path, labels):
    spans = [(0, 3, labels[0]), (26, 30, labels[1])]
    report, docs = converted(tmp_path, "a.jsonl", pipeline_output(OTO, *spans))
    assert entities(docs) == [[("Oto", labels[0]), ("Brno", labels[1])]]
    assert not report.issues


def test_word_pieces_are_words_again(tmp_path):
    row = {
        "tokens": ["[CLS]", "Jo", "left", "Magde", "##bur", "##g", ".", "[SEP]"],
        "ner_tags": ["O", "B-PER", "O", "B-LOC", "I-LOC", "X", "O", "O"],
    }
    report, docs = converted(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert [token.text for token in docs[0]] == ["Jo", "left", "Magdeburg", "."]
    assert entities(docs) == [[("Jo", "PER"), ("Magdeburg", "LOC")]]
    assert "2 word pieces joined to the words before them, 2 signs left out" in issue_texts(report)


def test_an_entity_over_a_sentence_is_kept(tmp_path):
    doc = Doc(
        Vocab(), words=["At", "Ek", "Co.", "Ltd.", "now"], sent_starts=[True, False, False, True, False]
    )
    doc.set_ents([Span(doc, 1, 4, "ORG")])
    DocBin(docs=[doc], attrs=["ENT_IOB", "ENT_TYPE", "SENT_START"]).to_disk(tmp_path / "a.spacy")
    report = convert(tmp_path / "a.spacy", tmp_path / "b.spacy")
    (after,) = DocBin().from_disk(tmp_path / "b.spacy").get_docs(Vocab())
    assert entities([after]) == [[("Ek Co. Ltd.", "ORG")]]
    assert [token.is_sent_start for token in after] == [True, False, False, True, False]
    assert not report.issues
    convert(tmp_path / "a.spacy", tmp_path / "a.conll")
    assert entities(converted(tmp_path, "b.conll", (tmp_path / "a.conll").read_text())[1]) == [
        [("Ek Co. Ltd.", "ORG")]
    ]


GATE = (
    '<?xml version="1.0"?><GateDocument><TextWithNodes><Node id="0"/>See <Node id="4"/>Aida<Node id="8"/> now<Node id="12"/>'
    '</TextWithNodes><AnnotationSet Name="Key"><Annotation Id="1" Type="{}" StartNode="0" EndNode="12"/>'
    '<Annotation Id="2" Type="Work" StartNode="4" EndNode="8"/></AnnotationSet></GateDocument>'
)


def test_a_mark_of_the_whole_gate_document_swallows_nothing(tmp_path):
    report, docs = converted(tmp_path, "a.xml", GATE.replace("{}", "Text"))
    assert entities(docs) == [[("Aida", "Work")]]
    assert issue_texts(report) == ["Text is around the whole text: left out"]


def test_a_task_on_an_image_is_no_text(tmp_path):
    task = [{"id": 1, "data": {"scan": "/upload/7.png"}, "annotations": []}]
    with pytest.raises(InputError, match="task 1: no text in data"):
        convert(str(put(tmp_path, "a.json", json.dumps(task))), str(tmp_path / "a.spacy"))


WRITERS = sorted(name for name, fmt in formats().items() if fmt.write or fmt.write_path)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("label", ["A\nB", "A\tB", "A\rB", "A B", "A|B", "A>B", 'A"B', "A\u2028B"])
def test_a_label_is_written_so_that_it_is_read_again_or_refused(tmp_path, name, label):
    records = [
        Record("x", 1, tokens=["Ann", "left", "."], tags=[f"B-{label}", "O", "O"], sent_starts=[0]),
        Record("x", 2, tokens=["Bo", "saw", "Al", "."], tags=["B-PER", "O", "B-PER", "O"], sent_starts=[0]),
    ]
    writer = DocBinWriter(tmp_path / "a.spacy")
    writer.add(Aligner("en").chunk(records))
    writer.close()
    try:
        convert(tmp_path / "a.spacy", tmp_path / "written", to=name)
    except InputError:
        assert not (tmp_path / "written").exists()
        return
    convert(tmp_path / "written", tmp_path / "b.spacy", format=name)
    docs = DocBin().from_disk(tmp_path / "b.spacy").get_docs(Vocab())
    assert [pair for pairs in entities(docs) for pair in pairs] == [
        ("Ann", label),
        ("Bo", "PER"),
        ("Al", "PER"),
    ]


def test_conll_refuses_a_label_with_a_line_break(tmp_path):
    record = Record("x", 1, text="Ann left", spans=[SpanRecord(0, 3, "A\nB")])
    with pytest.raises(InputError, match="which the format conll cannot hold"):
        CONLL.write([record], open(tmp_path / "a", "w"))  # noqa: SIM115
