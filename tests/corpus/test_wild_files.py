"""Files as data sets and tools publish them, each told from its content and read to the same entities."""

import json
import zipfile

import pytest
from _reading import detected, put
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source
from cloudner.errors import InputError

TEXT = "Marie Curie was born in Warsaw."
SPANS = [("Marie Curie", "PER"), ("Warsaw", "LOC")]
WORDS = ["Marie", "Curie", "was", "born", "in", "Warsaw", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
LABELS = [[0, 11, "PER"], [24, 30, "LOC"]]
CELL = json.dumps(LABELS).replace('"', '""')
PAIRS = list(zip(WORDS, TAGS, strict=True))
CHARACTER_TAGS = ["B-PER", *["I-PER"] * 10, *["O"] * 13, "B-LOC", *["I-LOC"] * 5, "O"]


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
    "GLiNER from a table, all text": (
        "token-spans",
        "data.jsonl",
        lines({"tokenized_text": WORDS, "ner": [["0", "1", '"PER"'], ["5", "5", '"LOC"']]}),
    ),
    "ELIT": ("token-spans", "a.json", json.dumps({"sid": 0, "tok": WORDS, "ner": [[0, 2, "PER"], [5, 6, "LOC"]]})),
    "entity_list with start_idx": (
        "cmeee",
        "a.jsonl",
        row(entity_list=[{"start_idx": a, "end_idx": b - 1, "type": c, "entity": TEXT[a:b]} for a, b, c in LABELS]),
    ),
    "entity_list with entity_index": (
        "jsonl",
        "a.jsonl",
        row(
            entity_list=[
                {"entity_index": {"begin": a, "end": b}, "entity_type": c, "entity": TEXT[a:b]} for a, b, c in LABELS
            ]
        ),
    ),
    "entity_list with char_span": (
        "jsonl",
        "a.json",
        json.dumps(
            [{"text": TEXT, "id": "1", "relation_list": [],
              "entity_list": [{"text": TEXT[a:b], "type": c, "char_span": [a, b], "tok_span": [0, 1]} for a, b, c in LABELS]}]
        ),
    ),
    "predictions": ("jsonl", "a.jsonl", row(predictions=spans("start", "end", "label", score=0.9))),
    "printed dictionaries": (
        "jsonl",
        "a.txt",
        repr({"text": TEXT, "entities": [tuple(x) for x in LABELS], "note": None}) + "\n",
    ),
    "a printed list": ("jsonl", "a.json", repr([{"text": TEXT, "entities": LABELS}])),
    "a list of rows in Python source": (
        "hf-jsonl",
        "data.py",
        "import torch\n\n# made by hand\nrows = [\n    " + repr({"tokens": WORDS, "ner_tags": TAGS}) + ",\n]\nprint(len(rows))\n",
    ),
    "a text in words with tags": ("hf-jsonl", "a.jsonl", lines({"text": WORDS, "label": TAGS})),
    "words and tags as two texts": (
        "hf-jsonl",
        "a.jsonl",
        lines({"sentence": " ".join(WORDS), "labels": " ".join(TAGS)}),
    ),
    "PaddleNLP's table": (
        "tag-table",
        "train.tsv",
        "text_a\tlabel\n" + "\x02".join(WORDS) + "\t" + "\x02".join(TAGS) + "\n",
    ),
    "a tag a character": ("hf-jsonl", "a.jsonl", row(labels=CHARACTER_TAGS)),
    "slashes behind entities mostly": (
        "slash-tags",
        "a.txt",
        "Marie/B-PER Curie/I-PER Warsaw/B-LOC\n",
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

TOKENS = [
    {"text": w, "start": TEXT.index(w), "end": TEXT.index(w) + len(w), "bare": t[2:] or "O", "tag": t}
    for w, t in PAIRS
]
COARSE = "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tNEL-LIT\tMISC\n"
CASES |= {
    "HIPE-2022": (
        "hipe",
        "HIPE-2022-v2.1-x-dev-en.tsv",
        COARSE + "# hipe2022:document_id = a\n# hipe2022:language = en\n"
        + "".join(f"{w}\t{t}\tO\t_\t_\t{'NoSpaceAfter' if w == 'Warsaw' else '_'}\n" for w, t in PAIRS),
    ),
    "CoreNLP": (
        "corenlp",
        "out.json",
        json.dumps({"sentences": [{"index": 0, "tokens": [
            {"index": i, "word": t["text"], "originalText": t["text"], "characterOffsetBegin": t["start"],
             "characterOffsetEnd": t["end"], "pos": "X", "ner": t["bare"]} for i, t in enumerate(TOKENS, 1)]}]}, indent=1),
    ),
    "Stanza": (
        "stanza",
        "out.json",
        json.dumps([[{"id": i, "text": t["text"], "start_char": t["start"], "end_char": t["end"], "ner": t["tag"]}
                     for i, t in enumerate(TOKENS, 1)]], indent=1),
    ),
    "BigBio": (
        "bigbio",
        "train.jsonl",
        lines({"id": "0", "document_id": "7", "passages": [
            {"id": "1", "type": "title", "text": ["Marie Curie was"], "offsets": [[0, 15]]},
            {"id": "2", "type": "abstract", "text": ["born in Warsaw."], "offsets": [[16, 31]]}],
            "entities": [{"id": "3", "type": k, "text": [TEXT[a:b]], "offsets": [[a, b]], "normalized": []}
                         for a, b, k in LABELS],
            "events": [], "coreferences": [], "relations": []}),
    ),
    "Watson NLU": (
        "watson-nlu",
        "nlu.json",
        json.dumps({"language": "en", "analyzed_text": TEXT, "entities": [
            {"type": k, "text": TEXT[a:b], "count": 1, "mentions": [{"text": TEXT[a:b], "location": [a, b]}]}
            for a, b, k in LABELS]}, indent=2),
    ),
    "Example.to_dict": (
        "spacy-example-json",
        "train.json",
        json.dumps([{"doc_annotation": {"cats": {}, "entities": ["B-PER", "L-PER", "O", "O", "O", "U-LOC", "O"], "links": {}},
                     "token_annotation": {"ORTH": WORDS, "SPACY": [True] * 5 + [False] * 2, "SENT_START": [1] + [0] * 6}}]),
    ),
    "words in a cell": ("mention-table", "a.csv", f'text,entities\n{TEXT},"[(\'Marie Curie\', \'PER\'), (\'Warsaw\', \'LOC\')]"\n'),
    "words by label in a cell": (
        "mention-table", "a.tsv", f"sentence\tlabels\n{TEXT}\t{{'PER': ['Marie Curie'], 'LOC': 'Warsaw', 'ORG': []}}\n"
    ),
    "word:LABEL in a cell": ("mention-table", "a.csv", f"text,entities\n{TEXT},Marie Curie:PER; Warsaw:LOC\n"),
    "word (LABEL) in a cell": ("mention-table", "a.csv", f'text,entities\n{TEXT},"Marie Curie (PER), Warsaw (LOC)"\n'),
    "a word a row": ("mention-table", "a.csv", f"text,entity,label\n{TEXT},Marie Curie,PER\n{TEXT},Warsaw,LOC\n"),
    "label to word": ("mentions", "a.jsonl", row(entities={"PER": "Marie Curie", "LOC": "Warsaw", "ORG": None})),
    "word to label": ("mentions", "a.jsonl", row(entities=dict(SPANS))),
    "an object a word": ("mentions", "a.jsonl", row(entities=[{b: a} for a, b in SPANS])),
    "label first": ("mentions", "a.jsonl", row(entities=[[b, a] for a, b in SPANS])),
    "double braces": ("braces", "a.txt", "{{PER:Marie Curie}} was born in {{LOC: Warsaw }}.\n"),
    "DocRED": (
        "token-spans",
        "train.json",
        json.dumps([{"title": "x", "sents": [WORDS[:3], WORDS[3:]], "labels": [], "vertexSet": [
            [{"name": "Marie Curie", "pos": [0, 2], "sent_id": 0, "type": "PER"}],
            [{"name": "Warsaw", "pos": [2, 3], "sent_id": 1, "type": "LOC"}]]}]),
    ),
    "NYT": (
        "mentions",
        "train.json",
        lines({"sentText": TEXT, "entityMentions": [{"start": 0, "text": a, "label": b} for a, b in SPANS]}),
    ),
    "CCKS": ("jsonl", "a.txt", lines({"originalText": TEXT, "entities": [
        {"label_type": k, "overlap": 0, "start_pos": a, "end_pos": b} for a, b, k in LABELS]})),
    "instructions": (
        "mentions",
        "a.jsonl",
        lines({"instruction": "Find names", "input": TEXT, "output": json.dumps([{"text": a, "label": b} for a, b in SPANS])}),
    ),
    "sentences in a tree": ("jsonl", "a.json", json.dumps({"title": "x", "sentences": [{"text": TEXT, "entities": LABELS}]})),
    "LST20": (
        "conll",
        "a.txt",
        "".join(f"{w}\tNN\t{t.replace('-', '_')}\t{'E' if w == '.' else 'B' if w == 'Marie' else 'I'}_CLS\n" for w, t in PAIRS),
    ),
    "short keys": ("jsonl", "a.jsonl", row(entities=spans("s", "e", "t"))),
    "short keys with the text": ("jsonl", "a.jsonl", row(ents=[{"b": a, "e": b, "t": TEXT[a:b], "l": k} for a, b, k in LABELS])),
    "short names": ("jsonl", "a.jsonl", row(entities=spans("st", "en", "lbl"))),
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
    assert "column 2 (B-LOC)" in records[0].notes[0][2]


def test_many_spans_and_none_of_one_token_end_behind_their_last(aligner, tmp_path):
    row = {"tokens": WORDS, "ner": [[0, 2, "PER"], [5, 6, "LOC"]]}
    _, records = read_all(tmp_path, "a.jsonl", lines(*[row] * 5))
    assert entities(aligner, records) == SPANS * 5


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


def test_hipe_documents_sentences_and_layers(tmp_path):
    content = (
        COARSE
        + "# hipe2022:document_id = a\n# hipe2022:date = 1790-03-03\n"
        + "Ann\tB-pers\tO\tB-pers.ind\tNIL\tNoSpaceAfter\n.\tO\tO\tO\t_\tEndOfLine|EndOfSentence\n"
        + "Unitec\tB-loc\tB-org\tB-loc.adm\tQ30\tNoSpaceAfter\n?\tI-loc\tI-org\tI-loc.adm\tQ30\tEndOfSentence\n"
        + "States\tI-loc\tI-org\tI-loc.adm\tQ30\t_\n\n# hipe2022:document_id = b\nEnd\t_\tO\tO\t_\t_\n"
    )
    path = put(tmp_path, "a.tsv", content)
    report = convert(path, tmp_path / "a.spacy")
    docs = list(DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab()))
    assert [doc.text.strip() for doc in docs] == ["Ann. Unitec? States", "End"]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == [("Ann", "pers"), ("Unitec? States", "loc")]
    assert [token.i for token in docs[0] if token.is_sent_start] == [0, 2]  # none within the entity
    assert [doc.user_data["meta"] for doc in docs] == [{"id": "a", "date": "1790-03-03"}, {"id": "b"}]
    assert docs[1][0].ent_iob_ == ""  # masked: missing, not O
    assert report.issues == {("unsupported", "noted"): 2}
    assert report.examples["unsupported"].done.endswith("--tag-column NE-COARSE-METO reads them instead")
    report = convert(path, tmp_path / "a.spacy", tag_column="NE-FINE-LIT")
    assert (report.issues, report.labels) == ({}, {"pers.ind": 1, "loc.adm": 1})


def test_mentions_of_corenlp(aligner, tmp_path):
    """Two names side by side stay two, and pronouns that were resolved to one are left out."""
    words = [("Ann", "PERSON"), ("Bob", "PERSON"), ("met", "O"), ("her", "O")]
    tokens, at = [], 0
    for word, ner in words:
        tokens.append({"word": word, "characterOffsetBegin": at, "characterOffsetEnd": at + 3, "ner": ner})
        at += 4
    mentions = [{"tokenBegin": i, "tokenEnd": i + 1, "ner": "PERSON"} for i in (0, 1, 3)]
    tokens[2] |= {"word": "-LRB-", "originalText": "("}
    content = json.dumps({"docId": "d", "sentences": [{"entitymentions": mentions, "tokens": tokens}]})
    _, records = read_all(tmp_path, "a.json", content)
    assert records[0].text == "Ann Bob ( her"
    assert records[0].meta == {"id": "d"}
    assert [note[2][:10] for note in records[0].notes] == ["1 mentions"]
    assert entities(aligner, records) == [("Ann", "PERSON"), ("Bob", "PERSON")]
    without = json.dumps({"sentences": [{"tokens": [{"word": "Ann", "pos": "X"}]}]})
    with pytest.raises(InputError, match="--format corenlp"):
        read_all(tmp_path, "b.json", without)


def test_words_of_a_multiword_token_of_stanza(aligner, tmp_path):
    rows = [
        {"id": 1, "text": "Mort", "ner": "O", "start_char": 0, "end_char": 4},
        {"id": [2, 3], "text": "du", "ner": "O", "start_char": 5, "end_char": 7},
        {"id": 2, "text": "de"},
        {"id": 3, "text": "le"},
        {"id": 4, "text": "Tibre", "ner": "S-LOC", "misc": "start_char=8|end_char=13"},
    ]
    other = [{"id": 1, "text": "Oslo", "ner": "S-LOC", "start_char": 0, "end_char": 4}]
    for content, count in (
        (json.dumps([rows, other]), 2),
        (json.dumps([rows]), 1),
        (lines([rows], [other]), 2),
    ):
        _, records = read_all(tmp_path, "a.json", content)
        assert len(records) == count
        assert records[0].tokens == ["Mort", "du", "Tibre"]
        assert entities(aligner, records)[0] == ("Tibre", "LOC")


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


def test_watson_without_its_text(tmp_path):
    item = {"entities": [{"type": "PER", "text": "Ann", "mentions": [{"text": "Ann", "location": [0, 3]}]}]}
    with pytest.raises(InputError, match="return_analyzed_text"):
        read_all(tmp_path, "a.json", json.dumps(item))


def test_an_example_whose_tokens_are_missing(aligner, tmp_path):
    words = {"ORTH": ["Ann", "left"], "SPACY": [True, False], "SENT_START": [1, -1]}
    spans = {"sc": [[0, 3, "X", ""]]}
    item = {"doc_annotation": {"entities": ["U-PER", None], "spans": spans}, "token_annotation": words}
    _, (record,) = read_all(tmp_path, "a.json", json.dumps(item))
    assert (record.tags, record.sent_starts) == (["U-PER", None], [0])
    assert record.notes == [("unsupported", "noted", "1 spans of sc left out")]
    item["doc_annotation"]["entities"] = ["O"]
    with pytest.raises(InputError, match="2 words"):
        read_all(tmp_path, "a.json", json.dumps(item))


def test_peoples_daily(tmp_path):
    content = (
        "19980101-01-001-002/m  中共中央/nt  总书记/n  、/w  国家/n  主席/n  江/nr  泽民/nr  \n\n"
        "19980101-01-001-006/m  在/p  [中国/ns  政府/n]nt  的/u  叶利钦/nr  、/w  克林顿/nr  李/nr  鹏/nr  邓/nr  小平/nr  。/w\n"
        "[国家/n 大/a 剧院/n]/nz 哪/r{na3} [/w 里/f ]/w\n"
    )
    name, records = read_all(tmp_path, "199801.txt", content)
    assert name == "peoples-daily"
    assert records[0].meta == {"id": "19980101-01-001-002"}
    assert [record.text for record in records] == [
        "中共中央总书记、国家主席江泽民",
        "在中国政府的叶利钦、克林顿李鹏邓小平。",
        "国家大剧院哪[里]",
    ]
    report = convert(tmp_path / "199801.txt", tmp_path / "a.spacy")
    docs = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == [
        [("中共中央", "nt"), ("江泽民", "nr")],
        [("中国政府", "nt"), ("叶利钦", "nr"), ("克林顿", "nr"), ("李鹏", "nr"), ("邓小平", "nr")],
        [("国家大剧院", "nz")],
    ]
    assert report.issues == {("nested", "dropped"): 1}
    for bad, found in (("[中国/ns 政府/n 的/u", "is not closed"), ("中国/ns]nt 的/u", "nothing opened")):
        with pytest.raises(InputError, match=rf"a\.txt:2: .*{found}"):
            read_all(tmp_path, "a.txt", content.splitlines()[0] + f"\n{bad}\n")


def test_words_of_a_table_that_stand_in_several_places(tmp_path):
    content = (
        "text,entities\n\"Paris met Ann in Paris.\",\"[('Paris', 'LOC'), ('Bob', 'PER'), ('Ann', 'PER')]\"\n"
    )
    report = convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")
    assert report.labels == {"LOC": 2, "PER": 1}
    assert report.issues == {("surface-mismatch", "noted"): 1, ("surface-mismatch", "dropped"): 1}
    with pytest.raises(InputError, match=r"b\.csv:2: column 'entities': no label for 'Paris, Ann'"):
        read_all(tmp_path, "b.csv", 'text,entities\nParis met Ann.,"Paris, Ann"\n')


def test_a_text_that_stands_for_its_label(tmp_path):
    with pytest.raises(InputError, match=r"no label in .*'t' is the text"):
        read_all(tmp_path, "a.jsonl", row(entities=[{"s": 0, "e": 11, "t": "Marie Curie", "kind": "PER"}]))


def workbook(path, folder="xl"):
    """As much of a spreadsheet (xl) or of a text document (word) as tells the programs what it is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", "<Relationships/>")
        archive.writestr(f"{folder}/document.xml", "<sheetData><row><c><v>1</v></c></row></sheetData>")
    return path


def test_files_of_office_programs_are_refused(tmp_path):
    for called in ("a.xlsx", "a.csv"):
        for given in ("auto", "csv"):
            with pytest.raises(InputError, match=r"a spreadsheet .*; try: save the sheet as CSV"):
                convert(workbook(tmp_path / called), tmp_path / "out.spacy", format=given)
    with pytest.raises(InputError, match="an office program"):
        convert(workbook(tmp_path / "a.docx", "word"), tmp_path / "out.spacy")
    ods = tmp_path / "a.ods"
    with zipfile.ZipFile(ods, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<x/>")
        archive.writestr("META-INF/manifest.xml", "<x/>")
    with pytest.raises(InputError, match="a spreadsheet"):
        convert(ods, tmp_path / "out.spacy")
    with pytest.raises(InputError, match="a PDF"):
        convert(put(tmp_path, "a.pdf", b"%PDF-1.4\n\xe2\xe3\n"), tmp_path / "out.spacy")
    with pytest.raises(InputError, match="an older Excel"):
        convert(
            put(tmp_path, "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), tmp_path / "out.spacy"
        )


def test_a_spreadsheet_in_a_folder_is_noted(tmp_path):
    folder = tmp_path / "in"
    put(folder, "a.csv", f'text,entities\n{TEXT},"{CELL}"\n')
    workbook(folder / "b.xlsx")
    report = convert(folder, tmp_path / "out.spacy")
    assert (report.docs, report.issues) == (1, {("not-a-document", "noted"): 1})
    assert "spreadsheet" in report.examples["not-a-document"].done


@pytest.mark.parametrize("key", ["trailing_whitespace", "space_after"])
def test_rows_that_say_their_spaces(key, tmp_path):
    row = {"tokens": ["Ann", "left", "Oslo", "."], "labels": ["B-PER", "O", "B-LOC", "O"], key: [True, True, False, False]}  # fmt: skip
    convert(put(tmp_path, "a.json", json.dumps([row])), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert (doc.text, doc.has_unknown_spaces) == ("Ann left Oslo.", False)


def test_spans_of_spancat_are_told(tmp_path):
    spans = {"sc": [{"start": 0, "end": 3, "label": "PER"}]}
    tokens = [{"id": 0, "start": 0, "end": 3}, {"id": 1, "start": 4, "end": 8}]
    content = lines({"text": "Ann left", "ents": [], "spans": spans, "tokens": tokens})
    report = convert(put(tmp_path, "a.jsonl", content), tmp_path / "a.spacy")
    assert report.examples["unsupported"].done == "1 spans of sc left out, only ents are read"


def test_characters_under_comments_of_two_columns(tmp_path):
    """KLUE: characters a line, white space among them, and each sentence's markup in a comment with a tab."""
    sentence = "안 B-PS|나 I-PS|는 O|  O|서 B-LC|울 I-LC|  O|갔 O|다 O|. O"
    rows = "".join(row[0] + "\t" + row[2:].strip() + "\n" for row in sentence.split("|"))
    content = f"## klue-ner-v1_train_00000\t<안나:PS>는 <서울:LC> 갔다.\n{rows}\n" * 3
    _, records = read_all(tmp_path, "a.tsv", content)
    assert [record.text for record in records] == ["안나는 서울 갔다."] * 3
    assert [(s.start, s.end, s.label) for s in records[0].spans] == [(0, 2, "PS"), (4, 6, "LC")]


def test_a_hyphen_for_outside(aligner, tmp_path):
    """Naver: `-` in a file without O means O, unless the user says otherwise."""
    content = "1\t이기범\tPER_B\n2\t한두\t-\n3\t쪽\t-\n4\t더\t-\n"
    report = convert(put(tmp_path, "a.txt", content), tmp_path / "a.spacy")
    assert report.issues == {("no-outside", "noted"): 1}
    assert "--label -=?" in report.examples["no-outside"].done
    assert report.entities == 1
    report = convert(tmp_path / "a.txt", tmp_path / "a.spacy", labels={"-": "O"})
    assert report.issues == {}
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [token.ent_iob_ for token in doc] == ["B", "O", "O", "O"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"Entities": [{"Type": "PERSON", "Text": "Ann", "BeginOffset": 0, "EndOffset": 3}]}),
        json.dumps([{"entity_group": "PER", "word": "Ann", "start": 0, "end": 3}]),
    ],
)
def test_spans_without_their_text(content, tmp_path):
    with pytest.raises(InputError, match="no text that they count in"):
        read_all(tmp_path, "a.json", content)


def test_brackets_of_coreference_are_told(tmp_path):
    content = "1\tAnn" + "\t_" * 7 + "\tEntity=(1-person)\n\n"
    with pytest.raises(InputError, match="CorefUD"):
        read_all(tmp_path, "a.conllu", content)


def test_braces_that_mark_nothing(tmp_path):
    for bad in ("{{PER:Ann}} {{x}} {{PER:Ann}}", "{{PER:Ann", "Ann}}"):
        with pytest.raises(InputError, match=r"a\.txt:12: braces"):
            read_all(tmp_path, "a.txt", "{{PER:Ann}} ran.\n" * 11 + bad + "\n")


def test_a_mention_outside_its_sentences(tmp_path):
    good = {"sents": [WORDS], "vertexSet": [[{"pos": [0, 2], "sent_id": 0, "type": "PER"}]]}
    bad = {"sents": [WORDS], "vertexSet": [[{"pos": [0, 2], "sent_id": 1, "type": "PER"}]]}
    with pytest.raises(InputError, match=r"a\.json:2: span: the mention"):
        read_all(tmp_path, "a.json", lines(good, bad))


def test_all_rows_have_their_tags_in_one_column(tmp_path):
    """A row whose tags are too few is an error, and not read from another column."""
    rows = [
        {"tokens": ["Ann", "ran"], "ner_tags": ["PER", "O"], "fine_ner_tags": ["B-x", "O"]},
        {"tokens": ["Bob", "ran"], "ner_tags": ["PER"], "fine_ner_tags": ["B-x", "O"]},
    ]
    with pytest.raises(InputError, match=r"a\.jsonl:2: row: 2 tokens but 1 tags"):
        read_all(tmp_path, "a.jsonl", lines(*rows))
    _, records = read_all(
        tmp_path, "b.jsonl", lines({"tokens": ["Ann", "ran"], "NE_COARSE_LIT": ["B-pers", "O"]})
    )
    assert records[0].tags == ["B-pers", "O"]


def test_words_said_of_a_whole_text_are_no_entities(tmp_path):
    with pytest.raises(InputError, match="no format recognises"):
        read_all(tmp_path, "a.jsonl", lines({"text": "Paris is nice", "label": {"mood": "nice"}}))


def test_a_colon_within_an_entity(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.csv", 'text,entities\n"At 10:30, Bob ran.",10:30:TIME; PER: Bob\n')
    assert entities(aligner, records) == [("10:30", "TIME"), ("Bob", "PER")]


def test_passages_that_touch(aligner, tmp_path):
    passages = [{"text": [w], "offsets": [[a, a + 7]]} for w, a in (("Ann ran", 0), ("Bob sat", 7))]
    item = {"passages": passages, "entities": [{"type": "P", "text": ["Bob"], "offsets": [[7, 10]]}]}
    _, records = read_all(tmp_path, "a.json", json.dumps(item))
    assert (records[0].text, entities(aligner, records)) == ("Ann ran Bob sat", [("Bob", "P")])
