"""Every export a user may have, told from its content and read to the same spans."""

import json

import pytest

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError

TEXT = "Marie Curie was born in Warsaw."
SPANS = [("Marie Curie", "PER"), ("Warsaw", "LOC")]


@pytest.fixture(scope="module")
def aligner():
    return Aligner("en")


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def entities(aligner, tmp_path, content, name, fmt="auto", **options):
    """Format name and the entities of each document of a file with that content."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8") if isinstance(content, str) else path.write_bytes(content)
    source = next(open_sources(path))
    found = formats()[fmt] if fmt != "auto" else detect(source.sample(), source.name).format
    docs = [aligner.doc(record) for record in found.read(source, ReadOptions(**options))]
    return found.name, [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs if doc is not None]


LABELS = [[0, 11, "PER"], [24, 30, "LOC"]]
DICTS = [{"start": 0, "end": 11, "label": "PER"}, {"start": 24, "end": 30, "label": "LOC"}]
OFFSETS = [
    {"start_offset": 0, "end_offset": 11, "label": "PER"},
    {"start_offset": 24, "end_offset": 30, "label": "LOC"},
]
WORDS = ["Marie", "Curie", "was", "born", "in", "Warsaw", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
BILUO = ["B-PER", "L-PER", "O", "O", "O", "U-LOC", "O"]
CSV_CELL = '"' + json.dumps(LABELS).replace('"', '""') + '"'

CASES = {
    "csv json": ("csv", "a.csv", f"text,entities\n{TEXT},{CSV_CELL}\n"),
    "csv python": ("csv", "a.csv", f"text,entities\n{TEXT},\"[(0, 11, 'PER'), (24, 30, 'LOC')]\"\n"),
    "csv compact": ("csv", "a.csv", f"sentence,labels\n{TEXT},0:11:PER;24:30:LOC\n"),
    "csv compact spaces": ("csv", "a.csv", f"text,entities\n{TEXT},0:11:PER 24:30:LOC\n"),
    "csv entities dict": (
        "csv",
        "a.csv",
        f"text,entities\n{TEXT},\"{{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}}\"\n",
    ),
    "csv semicolons": ("csv", "a.csv", f"id;text;spans\n7;{TEXT};{CSV_CELL}\n"),
    "csv odd names": ("csv", "a.csv", f"text,what\n{TEXT},{CSV_CELL}\n"),
    "tsv": ("tsv", "a.tsv", f"text\tentities\n{TEXT}\t{json.dumps(LABELS)}\n"),
    "kaggle": (
        "token-table",
        "ner_dataset.csv",
        "Sentence #,Word,POS,Tag\n"
        + "".join(
            f"{'Sentence: 1' if not i else ''},{w},NN,{t}\n"
            for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True))
        ),
    ),
    "kaggle features": (
        "token-table",
        "ner.csv",
        ",lemma,pos,prev-iob,sentence_idx,word,tag\n"
        + "".join(f"{i},x,NN,O,1.0,{w},{t}\n" for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True))),
    ),
    "kaggle lists": (
        "tag-table",
        "a.csv",
        f'Sentence #,Sentence,POS,Tag\nSentence: 1,"{" ".join(WORDS)}","[]","{TAGS}"\n',
    ),
    "sentence and labels with commas": (
        "tag-table",
        "a.csv",
        f'sentence,word_labels\n{" ".join(WORDS)},"{",".join(TAGS)}"\n',
    ),
    "text and labels with spaces": (
        "tag-table",
        "a.tsv",
        f"id\ttext\tlabels\n1\t{' '.join(WORDS)}\t{' '.join(TAGS)}\n",
    ),
    "lists of Python": ("tag-table", "a.csv", f'id,tokens,ner_tags\n1,"{WORDS}","{TAGS}"\n'),
    "lists of JSON": (
        "tag-table",
        "a.tsv",
        f"tokens\ttags\n{json.dumps(WORDS)}\t{json.dumps(TAGS)}\n",
    ),
    "lists that numpy printed": (
        "tag-table",
        "a.csv",
        'tokens,ner_tags\n"[{}]","[{}]"\n'.format("\n ".join(map(repr, WORDS)), " ".join(map(repr, TAGS))),
    ),
    "tokens without sentences": (
        "token-table",
        "a.csv",
        "word,tag\n" + "".join(f"{w},{t}\n" for w, t in zip(WORDS, TAGS, strict=True)),
    ),
    "doccano labels": ("doccano", "a.jsonl", lines({"id": 1, "text": TEXT, "labels": LABELS})),
    "doccano label": ("doccano", "a.jsonl", lines({"id": 1, "text": TEXT, "label": LABELS, "Comments": []})),
    "doccano data": ("doccano", "a.jsonl", lines({"id": 1, "data": TEXT, "label": LABELS})),
    "doccano annotations": (
        "doccano",
        "a.jsonl",
        lines({"id": 1, "text": TEXT, "annotations": [dict(o, user=1, id=2) for o in OFFSETS], "meta": {}}),
    ),
    "doccano relations": (
        "doccano",
        "a.jsonl",
        lines(
            {
                "id": 1,
                "text": TEXT,
                "entities": [dict(o, id=i) for i, o in enumerate(OFFSETS)],
                "relations": [],
            }
        ),
    ),
    "rows": ("jsonl", "a.jsonl", lines({"text": TEXT, "entities": DICTS})),
    "rows in a list": ("jsonl", "a.json", json.dumps([{"text": TEXT, "spans": DICTS}], indent=2)),
    "prodigy": (
        "prodigy",
        "a.jsonl",
        lines({"text": TEXT, "_input_hash": 1, "_task_hash": 2, "spans": DICTS, "answer": "accept"}),
    ),
    "spacy tuples": ("spacy-tuples", "a.json", json.dumps([[TEXT, {"entities": LABELS}]])),
    "spacy tuples python": (
        "spacy-tuples",
        "train_data.py",
        f"import random\nTRAIN_DATA = [\n  ({TEXT!r}, {{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}}),\n]\n",
    ),
    "spacy tuples bare": (
        "spacy-tuples",
        "a.txt",
        f"[({TEXT!r}, {{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}})]",
    ),
    "browser annotator": (
        "spacy-tuples",
        "annotations.json",
        json.dumps({"classes": ["PER", "LOC"], "annotations": [None, [TEXT, {"entities": LABELS}]]}),
    ),
    "spacy v2 json": (
        "spacy-v2-json",
        "a.json",
        json.dumps(
            [
                {
                    "id": 0,
                    "paragraphs": [
                        {
                            "raw": TEXT,
                            "sentences": [
                                {"tokens": [{"orth": w, "ner": t} for w, t in zip(WORDS, BILUO, strict=True)]}
                            ],
                        }
                    ],
                }
            ]
        ),
    ),
    "spacy v3 json": (
        "spacy-v3-json",
        "a.json",
        json.dumps({"text": TEXT, "ents": DICTS, "tokens": [{"id": 0, "start": 0, "end": 5}]}),
    ),
    "label studio": (
        "label-studio",
        "a.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "data": {"my_text": TEXT},
                    "annotations": [
                        {
                            "result": [
                                {
                                    "type": "labels",
                                    "value": {"start": a, "end": b, "text": TEXT[a:b], "labels": [label]},
                                }
                                for a, b, label in LABELS
                            ]
                        }
                    ],
                }
            ]
        ),
    ),
    "label studio completions": (
        "label-studio",
        "a.json",
        json.dumps(
            {
                "id": 1,
                "data": {"text": TEXT},
                "completions": [
                    {"was_cancelled": True, "result": []},
                    {"result": [{"value": {"start": a, "end": b, "labels": [k]}} for a, b, k in LABELS]},
                ],
            }
        ),
    ),
    "label studio min": (
        "label-studio-min",
        "a.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "text": TEXT,
                    "label": [{"start": a, "end": b, "text": TEXT[a:b], "labels": [k]} for a, b, k in LABELS],
                    "annotator": 1,
                    "annotation_id": 2,
                }
            ]
        ),
    ),
    "ubiai": (
        "ubiai",
        "a.json",
        json.dumps(
            [
                {
                    "documentName": "a.txt",
                    "document": TEXT,
                    "tokens": [
                        {
                            "text": TEXT[a:b],
                            "start": a,
                            "end": b,
                            "token_start": 0,
                            "token_end": 1,
                            "entityLabel": label,
                        }
                        for a, b, label in LABELS
                    ],
                    "relations": [],
                }
            ]
        ),
    ),
    "dataturks": (
        "dataturks",
        "a.json",
        lines(
            {
                "content": TEXT,
                "annotation": [
                    {"label": [k], "points": [{"start": a, "end": b - 1, "text": TEXT[a:b]}]}
                    for a, b, k in LABELS
                ],
                "extras": None,
            }
        ),
    ),
    "cluener": (
        "cluener",
        "train.json",
        lines({"text": TEXT, "label": {"PER": {"Marie Curie": [[0, 10]]}, "LOC": {"Warsaw": [[24, 29]]}}}),
    ),
    "automl": (
        "automl",
        "a.jsonl",
        lines(
            {
                "text_snippet": {"content": TEXT},
                "annotations": [
                    {"display_name": "PER", "text_extraction": {"text_segment": {"end_offset": "11"}}},
                    {
                        "display_name": "LOC",
                        "text_extraction": {"text_segment": {"start_offset": 24, "end_offset": 30}},
                    },
                ],
            }
        ),
    ),
    "vertex": (
        "automl",
        "a.jsonl",
        lines(
            {
                "textContent": TEXT,
                "textSegmentAnnotations": [
                    {"startOffset": a, "endOffset": b, "displayName": label} for a, b, label in LABELS
                ],
            }
        ),
    ),
    "ground truth": (
        "ground-truth",
        "output.manifest",
        lines(
            {
                "source": TEXT,
                "my-job": {
                    "annotations": {
                        "entities": [
                            {"startOffset": a, "endOffset": b, "label": label} for a, b, label in LABELS
                        ],
                        "labels": [{"label": "PER"}],
                    }
                },
                "my-job-metadata": {"entities": [{"confidence": 0.9}]},
            }
        ),
    ),
    "hugging face": ("hf-jsonl", "a.jsonl", lines({"id": "0", "tokens": WORDS, "ner_tags": TAGS})),
}


@pytest.mark.parametrize("case", CASES)
def test_a_format_is_recognised_and_read(case, aligner, tmp_path):
    name, file, content = CASES[case]
    assert entities(aligner, tmp_path, content, file) == (name, [SPANS])
    aligner.take_issues()


def test_numeric_labels_are_named_by_the_user(aligner, tmp_path):
    """doccano #113, #1291: exports with label ids."""
    content = lines(
        {"id": 1, "text": TEXT, "annotations": [{"label": 7, "start_offset": 0, "end_offset": 11, "user": 1}]}
    )
    assert entities(aligner, tmp_path, content, "a.jsonl")[1] == [[("Marie Curie", "7")]]
    assert [issue.cause for issue in aligner.take_issues()] == ["unknown-tag"]
    named = entities(aligner, tmp_path, content, "a.jsonl", labels={"7": "PER"})
    assert named[1] == [[("Marie Curie", "PER")]]


def test_prodigy_answers(aligner, tmp_path):
    row = {"text": TEXT, "_input_hash": 1, "spans": DICTS[:1]}
    path = tmp_path / "a.jsonl"
    path.write_text(lines(*[dict(row, answer=answer) for answer in ("accept", "reject", "ignore")]))
    source = next(open_sources(path))
    accepted, rejected, ignored = (aligner.doc(r) for r in formats()["prodigy"].read(source, ReadOptions()))
    assert [ent.text for ent in accepted.ents] == ["Marie Curie"]
    assert all(token.ent_iob_ == "O" for token in accepted[2:])
    assert not rejected.has_annotation("ENT_IOB")
    assert [(span.text, span.label_) for span in rejected.spans["incorrect_spans"]] == [
        ("Marie Curie", "PER")
    ]
    assert not ignored.has_annotation("ENT_IOB")
    assert not ignored.spans
    aligner.take_issues()


def test_prodigy_tokens_are_kept(aligner, tmp_path):
    text = "state-of-the-art models"
    tokens = [
        {"text": text[a:b], "start": a, "end": b, "id": i} for i, (a, b) in enumerate([(0, 16), (17, 23)])
    ]
    row = {"text": text, "_input_hash": 1, "tokens": tokens, "spans": [{"start": 0, "end": 16, "label": "X"}]}
    path = tmp_path / "a.jsonl"
    path.write_text(lines(row))
    doc = aligner.doc(next(formats()["prodigy"].read(next(open_sources(path)), ReadOptions())))
    assert [token.text for token in doc] == ["state-of-the-art", "models"]
    assert doc.text == text
    assert [ent.text for ent in doc.ents] == ["state-of-the-art"]


def test_a_task_nobody_finished_is_missing_not_outside(aligner, tmp_path):
    tasks = [
        {"id": 1, "data": {"text": TEXT}, "annotations": [{"was_cancelled": True, "result": []}]},
        {"id": 2, "data": {"text": TEXT}, "annotations": []},
        {"id": 3, "data": {"text": TEXT}, "annotations": [{"result": []}]},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    docs = [aligner.doc(r) for r in formats()["label-studio"].read(next(open_sources(path)), ReadOptions())]
    assert [doc.has_annotation("ENT_IOB") for doc in docs] == [False, False, True]
    aligner.take_issues()


def test_label_studio_html(aligner, tmp_path):
    """label-studio #2777, #4843: offsets of HTML tasks do not count the text; the stored text is found instead."""
    html = "<html><head><title>t</title></head><body>\n<h1>About &amp; around</h1><p>Marie Curie was in Warsaw.</p></body>"
    value = {
        "start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 11,
        "globalOffsets": {"start": 3, "end": 14}, "text": "Marie Curie", "hypertextlabels": ["PER"],
    }  # fmt: skip
    task = {
        "id": 1,
        "data": {"html": html},
        "annotations": [{"result": [{"type": "hypertextlabels", "value": value}]}],
    }
    assert entities(aligner, tmp_path, json.dumps([task]), "a.json")[1] == [[("Marie Curie", "PER")]]
    assert [issue.cause for issue in aligner.take_issues()] == ["offsets-moved"]


def test_label_studio_tsv_after_an_emoji(aligner, tmp_path):
    """label-studio #1347: a TSV export counts UTF-16 code units."""
    content = (
        "id\ttext\tlabel\n1\t💩This is an annotation.\t"
        '"[{""start"": 13, ""end"": 23, ""text"": ""annotation"", ""labels"": [""X""]}]"\n'
    )
    assert entities(aligner, tmp_path, content, "a.tsv") == ("tsv", [[("annotation", "X")]])
    assert [(i.cause, i.action) for i in aligner.take_issues()] == [("offsets-utf16", "repaired")]


def test_multiple_labels_on_one_span_are_told(aligner, tmp_path):
    value = {"start": 0, "end": 11, "text": "Marie Curie", "labels": ["PER", "HERO"]}
    task = {
        "id": 1,
        "data": {"text": TEXT},
        "annotations": [{"result": [{"type": "labels", "value": value}]}],
    }
    assert entities(aligner, tmp_path, json.dumps([task]), "a.json")[1] == [[("Marie Curie", "PER")]]
    assert [(i.cause, i.label) for i in aligner.take_issues()] == [("conflicting-labels", "HERO")]


def test_dataturks_with_exclusive_ends(aligner, tmp_path):
    point = {"start": 0, "end": 11, "text": "Marie Curie"}
    content = lines({"content": TEXT, "annotation": [{"label": ["PER"], "points": [point]}]})
    assert entities(aligner, tmp_path, content, "a.json")[1] == [[("Marie Curie", "PER")]]
    assert aligner.take_issues() == []


def test_tagtog(aligner, tmp_path):
    """Annotations, text and legend lie in three places of an export."""
    (tmp_path / "ann.json/master/pool").mkdir(parents=True)
    (tmp_path / "plain.html/pool").mkdir(parents=True)
    (tmp_path / "annotations-legend.json").write_text(json.dumps({"e_1": "PER", "e_2": "LOC"}))
    html = (
        f'<html id="x"><body><article><h2 id="s1h1">Title</h2><p id="s1p1">{TEXT}</p></article></body></html>'
    )
    (tmp_path / "plain.html/pool/aX.plain.html").write_text(html)
    ann = {
        "annotatable": {"parts": ["s1h1", "s1p1"]},
        "anncomplete": True,
        "entities": [
            {"classId": "e_1", "part": "s1p1", "offsets": [{"start": 0, "text": "Marie Curie"}]},
            {"classId": "e_2", "part": "s1p1", "offsets": [{"start": 24, "text": "Warsaw"}]},
        ],
        "relations": [],
    }
    (tmp_path / "ann.json/master/pool/aX.ann.json").write_text(json.dumps(ann))
    sources = list(open_sources(tmp_path))
    assert len(sources) == 1
    found = detect(sources[0].sample(), sources[0].name).format
    doc = aligner.doc(next(found.read(sources[0], ReadOptions())))
    assert found.name == "tagtog"
    assert doc.text == "Title\n" + TEXT
    assert [(ent.text, ent.label_) for ent in doc.ents] == SPANS


def test_azure_reads_its_texts_as_they_are(aligner, tmp_path):
    """Offsets count CRLF as two and an emoji as two; normalised newlines would cut words."""
    text = "A 😀 line\r\n\r\nMarie Curie\r\nWarsaw\r\n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    utf16 = lambda s: len(text[: text.index(s)].encode("utf-16-le")) // 2  # noqa: E731
    labels = [{"category": c, "offset": utf16(s), "length": len(s)} for s, c in SPANS]
    project = {
        "projectFileVersion": "2022-05-01",
        "stringIndexType": "Utf16CodeUnit",
        "assets": {
            "projectKind": "CustomEntityRecognition",
            "documents": [
                {"location": "a.txt", "entities": [{"regionOffset": 0, "regionLength": 99, "labels": labels}]}
            ],
        },
    }
    assert entities(aligner, tmp_path, json.dumps(project), "labels.json") == ("azure", [SPANS])
    assert aligner.take_issues() == []


def test_azure_text_outside_its_folder(tmp_path):
    project = {
        "projectFileVersion": "1",
        "assets": {"documents": [{"location": "../../etc/passwd", "entities": []}]},
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(project))
    with pytest.raises(InputError, match="outside its folder"):
        list(formats()["azure"].read(next(open_sources(path)), ReadOptions()))


def test_comprehend(aligner, tmp_path):
    (tmp_path / "docs.txt").write_text(f"No entity here.\n{TEXT}\n")
    content = "File,Line,Begin Offset,End Offset,Type\ndocs.txt,1,0,11,PER\ndocs.txt,1,24,30,LOC\n"
    assert entities(aligner, tmp_path, content, "annotations.csv") == ("comprehend", [[], SPANS])


def test_hugging_face_parquet_with_class_names(aligner, tmp_path):
    import pyarrow
    import pyarrow.parquet

    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    features = {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}}
    schema = pyarrow.schema(
        [("tokens", pyarrow.list_(pyarrow.string())), ("ner_tags", pyarrow.list_(pyarrow.int64()))],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    table = pyarrow.table(
        {"tokens": [WORDS], "ner_tags": [[names.index(tag) for tag in TAGS]]}, schema=schema
    )
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(table, path)
    assert entities(aligner, tmp_path, path.read_bytes(), "b.parquet") == ("parquet", [SPANS])
    # the same as the datasets library saves it: an Arrow stream in a folder with its description
    saved = tmp_path / "saved"
    saved.mkdir()
    with pyarrow.ipc.new_stream(saved / "data-00000-of-00001.arrow", schema) as writer:
        writer.write_table(table)
    (saved / "state.json").write_text("{}")
    (saved / "dataset_info.json").write_text(json.dumps({"features": features}))
    sources = list(open_sources(saved))
    assert [source.base_name for source in sources] == ["data-00000-of-00001.arrow"]
    found = detect(sources[0].sample(), sources[0].name).format
    docs = [aligner.doc(record) for record in found.read(sources[0], ReadOptions())]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == SPANS


def test_numbered_tags_without_names_are_refused(tmp_path, aligner):
    content = lines({"tokens": ["Marie"], "ner_tags": [1]})
    with pytest.raises(InputError, match="--label 0=O"):
        entities(aligner, tmp_path, content, "a.jsonl")
    named = entities(aligner, tmp_path, content, "a.jsonl", labels={"0": "O", "1": "B-PER"})
    assert named[1] == [[("Marie", "PER")]]


def test_ignored_subwords_are_missing(tmp_path, aligner):
    content = lines({"tokens": ["Marie", "x"], "ner_tags": [1, -100]})
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    record = next(formats()["hf-jsonl"].read(next(open_sources(path)), ReadOptions(labels={"1": "B-PER"})))
    doc = aligner.doc(record)
    assert [token.ent_iob for token in doc] == [3, 0]


def test_a_python_file_is_read_and_not_run(tmp_path, aligner):
    marker = tmp_path / "ran"
    content = f"open({str(marker)!r}, 'w')\nTRAIN_DATA = [({TEXT!r}, {{'entities': [(0, 11, 'PER')]}})]\n"
    assert entities(aligner, tmp_path, content, "t.py", "spacy-tuples")[1] == [[("Marie Curie", "PER")]]
    assert not marker.exists()


def test_kaggle_blank_cells_and_bare_tags(tmp_path, aligner):
    content = "Sentence #,Word,POS,Tag\nSentence: 1,Marie,NN,PER\n,Curie,NN,PER\n,,,\n,sleeps,VB,\nSentence: 2,Rome,NN,LOC\n"
    path = tmp_path / "a.csv"
    path.write_text(content)
    records = list(formats()["token-table"].read(next(open_sources(path)), ReadOptions()))
    chunk = aligner.chunk(records)
    assert chunk.lengths.tolist() == [3, 1]
    assert chunk.iob.tolist() == [3, 1, 0, 3]
