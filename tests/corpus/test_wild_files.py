"""Files as data sets and tools publish them, each told from its content and read to the same entities."""

import json

import pytest
from _reading import detected, put
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align import Aligner
from cloudner.corpus.convert import convert
from cloudner.corpus.detect import detect_source
from cloudner.corpus.formats.base import ReadOptions
from cloudner.corpus.sources import open_sources
from cloudner.errors import InputError

TEXT = "Marie Curie was born in Warsaw."
SPANS = [("Marie Curie", "PER"), ("Warsaw", "LOC")]
WORDS = ["Marie", "Curie", "was", "born", "in", "Warsaw", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
LABELS = [[0, 11, "PER"], [24, 30, "LOC"]]
CELL = json.dumps(LABELS).replace('"', '""')
PAIRS = list(zip(WORDS, TAGS, strict=True))


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def row(**keys):
    return lines({"text": TEXT, **keys})


def spans(start, end, label, **extra):
    return [{start: a, end: b, label: name, **extra} for a, b, name in LABELS]


CASES = {
    "SpERT": (
        "token-spans",
        "train.json",
        json.dumps(
            [{"tokens": WORDS, "entities": [{"type": "PER", "start": 0, "end": 2}, {"type": "LOC", "start": 5, "end": 6}],
              "relations": [], "orig_id": 1}]
        ),
    ),
    "DyGIE++": (
        "token-spans",
        "train.jsonl",
        lines({"doc_key": "a", "sentences": [WORDS[:3], WORDS[3:]], "ner": [[[0, 1, "PER"]], [[5, 5, "LOC"]]]}),
    ),
    "GLiNER": (
        "token-spans",
        "data.json",
        json.dumps([{"tokenized_text": WORDS, "ner": [[0, 1, "PER"], [5, 5, "LOC"]]}]),
    ),
    "objects without offsets": ("mentions", "a.jsonl", row(entities=[{"text": a, "type": b} for a, b in SPANS])),
    "pairs without offsets": ("mentions", "a.jsonl", row(entities=[list(pair) for pair in SPANS])),
    "lists by label": ("mentions", "a.json", json.dumps([{"text": TEXT, "entities": {b: [a] for a, b in SPANS}}])),
    "Rasa JSON": (
        "assistants",
        "nlu.json",
        json.dumps(
            {"rasa_nlu_data": {"common_examples": [
                {"text": TEXT, "intent": "x", "entities": spans("start", "end", "entity", value="a synonym")}]}}
        ),
    ),
    "LUIS": (
        "assistants",
        "luis.json",
        json.dumps(
            {"luis_schema_version": "3.2.0", "culture": "en-us", "utterances": [
                {"text": TEXT, "intent": "x", "entities": [
                    {"entity": k, "startPos": a, "endPos": b - 1} for a, b, k in LABELS]}]}
        ),
    ),
    "Snips": (
        "assistants",
        "train_X.json",
        json.dumps(
            {"X": [{"data": [{"text": "Marie Curie", "entity": "PER"}, {"text": " was born in "},
                             {"text": "Warsaw", "entity": "LOC"}, {"text": "."}]}]}
        ),
    ),
    "Watson Assistant": (
        "assistants",
        "skill.json",
        json.dumps(
            {"intents": [{"intent": "x", "examples": [
                {"text": TEXT, "mentions": [{"entity": k, "location": [a, b]} for a, b, k in LABELS]}]}]}
        ),
    ),
    "CMeEE": (
        "cmeee",
        "train.json",
        json.dumps(
            [{"text": TEXT, "entities": [{"start_idx": a, "end_idx": b - 1, "type": k} for a, b, k in LABELS]}], indent=1
        ),
    ),
    "BioC": (
        "bioc",
        "a.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n<collection>'
        "<source>x</source><date/><key/><document><id>1</id><passage><offset>0</offset><text>Marie Curie was</text>"
        '<annotation id="1"><infon key="type">PER</infon><location offset="0" length="11"/><text>Marie Curie</text>'
        "</annotation></passage><passage><offset>16</offset><text>born in Warsaw.</text>"
        '<annotation id="2"><infon key="type">LOC</infon><location offset="24" length="6"/></annotation></passage>'
        "</document></collection>",
    ),
    "word/TAG": ("slash-tags", "a.txt", " ".join(f"{w}/{t.split('-')[-1]}" for w, t in PAIRS) + "\n"),
    "words, tab, tags": ("slash-tags", "train.tsv", " ".join(WORDS) + "\t" + " ".join(TAGS) + "\n"),
    "a span a row": (
        "span-table",
        "a.csv",
        "id,text,start,end,label\n" + "".join(f"1,{TEXT},{a},{b},{k}\n" for a, b, k in LABELS),
    ),
    "no header": ("csv", "a.csv", f'{TEXT},"{CELL}"\n'),
    "a viewer's rows": (
        "hf-jsonl",
        "rows.json",
        json.dumps(
            {"features": [{"name": "ner_tags", "type": {"feature": {"names": ["O", "B-PER", "I-PER", "B-LOC"]}}}],
             "rows": [{"row_idx": 0, "row": {"tokens": WORDS, "ner_tags": [1, 2, 0, 0, 0, 3, 0]}}]}
        ),
    ),
    "a tree of rows": ("doccano", "a.json", json.dumps({"version": 1, "data": [{"text": TEXT, "label": LABELS}]})),
    "LightTag": (
        "jsonl",
        "a.json",
        json.dumps({"examples": [{"content": TEXT, "annotations": spans("start", "end", "tag", value=None)}]}),
    ),
    "columns of pandas": (
        "doccano", "a.json", json.dumps({"text": {"0": TEXT}, "label": {"0": LABELS}, "x": {"0": 1}})
    ),
    "columns of lists": ("hf-jsonl", "a.json", json.dumps({"tokens": [WORDS], "ner_tags": [TAGS]})),
    "names in Python": (
        "spacy-tuples",
        "train.py",
        f"P = 'PER'\nTRAIN_DATA = [({TEXT!r}, {{'entities': [(0, 11, P), (24, 30, 'LOC')]}})]\n",
    ),
    "text first": ("jsonl", "a.jsonl", row(entities=[[TEXT[a:b], a, b, k] for a, b, k in LABELS])),
    "text third": ("jsonl", "a.jsonl", row(entities=[[a, b, TEXT[a:b], k] for a, b, k in LABELS])),
    "positions by label": ("jsonl", "a.jsonl", row(entities={k: [[a, b]] for a, b, k in LABELS})),
    "span in a list": ("jsonl", "a.jsonl", row(entities=[{"span": [a, b], "type": k, "name": TEXT[a:b]} for a, b, k in LABELS])),
    "offset and length": (
        "jsonl",
        "a.jsonl",
        row(entities=[{"offset": a, "length": b - a, "category": k} for a, b, k in LABELS]),
    ),
    "small letters": ("conll", "a.conll", "".join(f"{w} {t.lower()}\n" for w, t in PAIRS).replace("-per", "-PER").replace("-loc", "-LOC")),
    "zeros": ("conll", "a.conll", "".join(f"{w} {'0' if t == 'O' else t}\n" for w, t in PAIRS)),
    "comments as wide as rows": ("conll", "a.conll", "# id 0b-6 domain=x\n\n" + "".join(f"{w} _ _ {t}\n" for w, t in PAIRS)),
    "VLSP": ("conll", "a.txt", "<s>\n" + "".join(f"{w}\tN\tB-NP\t{t}\tO\n" for w, t in PAIRS) + "</s>\n"),
    "a word for O": ("stanford", "a.tsv", "".join(f"{w}\t{t.split('-')[-1]}\n" for w, t in PAIRS)),
}  # fmt: skip

KEYS = [
    ("startIndex", "endIndex", "entity_label"), ("start_pos", "end_pos", "class"), ("from", "to", "label"),
    ("offset_start", "offset_end", "entity_type"), ("Start", "End", "Label"), ("char_start", "char_end", "label_"),
    ("start_position", "end_position", "entity"), ("begin_offset", "end_offset", "tag_name"),
]  # fmt: skip
CASES |= {f"keys {names[0]}": ("jsonl", "a.jsonl", row(entities=spans(*names))) for names in KEYS}


@pytest.fixture(scope="module")
def aligner():
    return Aligner("en")


def read_all(tmp_path, name, content):
    source = next(open_sources(put(tmp_path, name, content)))
    found = detect_source(source).format
    return found.name, list(found.read(source, ReadOptions()))


def entities(aligner, records):
    docs = [aligner.doc(record) for record in records]
    aligner.take_issues()
    return [(ent.text, ent.label_) for doc in docs if doc is not None for ent in doc.ents]


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_recognised_and_read(case, aligner, tmp_path):
    name, file, content = CASES[case]
    found, records = read_all(tmp_path, file, content)
    assert (found, entities(aligner, records)) == (name, SPANS)


def test_the_outer_layer_is_read_and_the_inner_one_told(aligner, tmp_path):
    content = "University\tB-ORG\tO\nof\tI-ORG\tO\nParis\tI-ORG\tB-LOC\nis\tO\tO\n"
    _, records = read_all(tmp_path, "a.tsv", content)
    assert entities(aligner, records) == [("University of Paris", "ORG")]
    assert "column 3 (B-LOC)" in records[0].notes[0][2]


def test_gold_tags_stand_before_a_systems(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.txt", "Bob B-PER B-PER\nran O O\nOslo B-LOC B-ORG\n. O O\n")
    assert entities(aligner, records) == [("Bob", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.jsonl", lines({"tokens": ["Bob", "ran"], "ner_tags": ["PER", "O"], "fine_ner_tags": ["B-PER", "O"]})),
        ("a.csv", "tokens,ner_tags,fine_ner_tags\n\"['Bob', 'ran']\",\"['PER', 'O']\",\"['B-PER', 'O']\"\n"),
        ("b.jsonl", row(entities=LABELS, spans=LABELS)),
    ],
)  # fmt: skip
def test_a_second_column_is_told(file, content, tmp_path):
    report = convert(put(tmp_path, file, content), tmp_path / "a.spacy")
    assert report.issues == {("unsupported", "noted"): 1}
    flag = "--entities-column spans" if file == "b.jsonl" else "--tag-column fine_ner_tags"
    assert report.examples["unsupported"].done.endswith(flag)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.csv", "Sentence #,Word,Tag\n1,Ann,B-PER\n1,,O\n1,ran,O\n2,Bob,B-PER\n2,,O\n"),
        ("a.jsonl", lines({"tokens": ["Ann", "", "ran"], "ner_tags": ["B-PER", "O", "O"]},
                          {"tokens": ["Bob", ""], "ner_tags": ["B-PER", "O"]})),
        ("b.csv", "tokens,ner_tags\n\"['Ann', '', 'ran']\",\"['B-PER', 'O', 'O']\"\n\"['Bob', '']\",\"['B-PER', 'O']\"\n"),
        ("b.jsonl", lines({"tokens": ["Ann", "", "ran"], "entities": [{"type": "PER", "start": 0, "end": 1}]},
                          {"tokens": ["", "Bob"], "entities": [{"type": "PER", "start": 1, "end": 2}]})),
    ],
)  # fmt: skip
def test_empty_tokens_are_told(file, content, tmp_path):
    report = convert(put(tmp_path, file, content), tmp_path / "out.spacy")
    assert report.issues == {("empty-token", "noted"): 2}
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(Vocab())
    assert [(doc.text.strip(), [ent.text for ent in doc.ents]) for doc in docs] == [
        ("Ann ran", ["Ann"]),
        ("Bob", ["Bob"]),
    ]


def test_several_tags_of_a_token_are_told(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.tsv", "Bob\tB-PER\nin\tO\nParis\tO|B-LOC\nBank\tB-LOC,B-ORG\n")
    assert entities(aligner, records) == [("Bob", "PER"), ("Paris", "LOC"), ("Bank", "LOC")]
    assert records[0].notes == [
        ("nested", "dropped", "several tags on 1 tokens (B-LOC,B-ORG): kept the first")
    ]


def test_positions_behind_characters_are_no_text(tmp_path):
    content = "".join(
        f"{c}\t{t}\n"
        for c, t in zip(["南0", "京1", "大0", "桥1", "长0"], ["B-GPE.NAM", "I-GPE.NAM", *"OOO"], strict=True)
    )
    _, records = read_all(tmp_path, "a.train", content)
    assert records[0].tokens == list("南京大桥长")


def test_json_and_prose_are_no_columns(tmp_path):
    for content in ('{"sentence": "Bob is in Paris", "tags": "x O B-LOC"}\n', "I love Paris and Bob.\n"):
        with pytest.raises(InputError):
            detected(tmp_path, content)
    assert detected(tmp_path, "I love [Paris](LOC) and [Bob](PER).\n") == "markup"


def test_a_first_document_longer_than_the_sample(tmp_path):
    text = "word " * 60_000 + "Paris"
    item = {"text": text, "label": [[len(text) - 5, len(text), "LOC"]]}
    for content in (lines(item), json.dumps([item, item]), json.dumps(item, indent=1)):
        name, records = read_all(tmp_path, "a.json", content)
        assert name == "doccano"
        assert records[0].spans[0].start == len(text) - 5


def test_mentions_say_what_they_could_not_place(aligner, tmp_path):
    item = {
        "text": "Paris, Parisian Paris",
        "entities": [{"text": w, "label": "LOC"} for w in ("Paris", "Rome")],
    }
    _, records = read_all(tmp_path, "a.jsonl", lines(item))
    assert [(s.start, s.end) for s in records[0].spans] == [(0, 5), (16, 21)]
    assert [note[:2] for note in records[0].notes] == [
        ("surface-mismatch", "noted"),
        ("surface-mismatch", "dropped"),
    ]


def test_a_word_for_outside_is_told(tmp_path):
    content = "sentence,token,label\n1,Bob,PER\n1,ran,OTHER\n1,home,OTHER\n"
    report = convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")
    assert report.issues == {("unknown-tag", "noted"): 1}
    assert report.labels == {"PER": 1}


def test_bionlp_pairs_are_one_document(aligner, tmp_path):
    put(tmp_path, "a.txt", "IL-2 binds.")
    put(tmp_path, "a.a1", "T1\tProtein 0 4\tIL-2\n")
    put(tmp_path, "a.a2", "T2\tBinding 5 10\tbinds\nE1\tBinding:T2 Theme:T1\n")
    report = convert(tmp_path / "*.a?", tmp_path / "out.spacy")
    assert (report.docs, report.labels) == (1, {"Protein": 1, "Binding": 1})


def test_blocks_and_heads_of_xml(aligner, tmp_path):
    content = (
        "<?xml version='1.0'?><!DOCTYPE TEI SYSTEM 'tei.dtd'><TEI><teiHeader><title>Head</title></teiHeader><text><body>"
        "<head>One</head><p><persName>Bob</persName> in <placeName>Oslo</placeName>.</p></body></text></TEI>"
    )
    _, records = read_all(tmp_path, "a.xml", content)
    assert entities(aligner, records) == [("Bob", "persName"), ("Oslo", "placeName")]
    assert "Head" not in "".join(record.text for record in records)


def test_spans_by_tokens_alone(aligner, tmp_path):
    tokens = [{"text": "big", "start": 0, "end": 3}, {"text": "Bob", "start": 4, "end": 7}]
    item = {
        "text": "big Bob",
        "tokens": tokens,
        "spans": [{"token_start": 1, "token_end": 1, "label": "PER"}],
    }
    _, records = read_all(tmp_path, "a.jsonl", lines(item))
    assert entities(aligner, records) == [("Bob", "PER")]


def test_positions_of_tokens_that_are_not_there(tmp_path):
    rows = [
        {"tokens": WORDS, "ner": [[0, 1, "PER"], [5, 5, "LOC"]]},
        {"tokens": ["a", "b"], "ner": [[1, 2, "PER"]]},
    ]
    with pytest.raises(InputError, match=r"a\.jsonl:2: span: .*2 tokens"):
        read_all(tmp_path, "a.jsonl", lines(*rows))
