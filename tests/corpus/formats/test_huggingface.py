"""Rows of Hugging Face data sets, as JSON lines, Parquet and Arrow."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import put, read_all, read_entities, surfaces
from corpus.samples.words import SPANS, TAGS, WORDS, lines


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
    assert read_entities(aligner, tmp_path, path.read_bytes(), "b.parquet") == ("parquet", [SPANS])
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


README = """---
license: mit
dataset_info:
{configs}---
# {{not: yaml}
"""
CONFIG = """- config_name: {name}
  features:
  - name: tokens
    sequence: string
  - name: ner_tags
    {kind}:
      class_label:
        names:
          '0': O
          '1': B-{label}
"""


@pytest.mark.parametrize(
    ("configs", "found"),
    [
        ((("en", "sequence", "ORG"),), "ORG"),
        ((("default", "list", "ORG"),), "ORG"),
        ((("de", "sequence", "LOC"), ("en", "sequence", "ORG")), "ORG"),  # the folder says which
        ((("de", "sequence", "ORG"), ("fr", "sequence", "ORG")), "ORG"),
        ((("de", "sequence", "LOC"), ("fr", "sequence", "ORG")), None),
    ],
)
def test_names_of_tags_in_the_readme(tmp_path, configs, found):
    text = "".join(CONFIG.format(name=name, kind=kind, label=label) for name, kind, label in configs)
    put(tmp_path, "set/README.md", README.replace("{configs}", text))
    path = put(tmp_path, "set/en/train.jsonl", lines({"tokens": ["Acme", "sank"], "ner_tags": [1, 0]}))
    if found is None:
        with pytest.raises(InputError, match="the tags are numbers"):
            convert(path, tmp_path / "out.spacy")
        return
    convert(path, tmp_path / "out.spacy")
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(Vocab())
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == [[("Acme", found)]]


def test_a_folder_of_json_lines_and_its_description(tmp_path):
    names = {"ner_tags": {"feature": {"names": ["O", "B-ORG"]}}}
    put(tmp_path, "set/dataset_info.json", json.dumps({"features": names}))
    put(tmp_path, "set/part/b.jsonl", lines({"tokens": ["Acme", "sank"], "ner_tags": [1, 0]}))
    put(tmp_path, "set/a.jsonl", lines({"tokens": ["Near", "Acme"], "ner_tags": [0, 1]}))
    report = convert(tmp_path / "set", tmp_path / "out.spacy")
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(Vocab())
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == [[("Acme", "ORG")]] * 2
    assert [doc_file.rsplit("/", 1)[-1] for doc_file, *_ in report.detected] == ["a.jsonl", "b.jsonl"]
    assert not report.issues


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("label.json", {"B-PER": 1, "O": 0}),
        ("label2id.json", {"B-PER": "1", "O": "0"}),
        ("id2label.json", {"1": "B-PER", "0": "O"}),
        ("labels.json", ["O", "B-PER"]),
    ],
)
def test_a_table_of_the_numbers_in_the_same_folder(tmp_path, aligner, name, table):
    put(tmp_path, f"set/{name}", json.dumps(table))
    content = lines({"tokens": ["Marie", "left"], "tags": [1, 0]})
    assert read_entities(aligner, tmp_path, content, "set/train.json") == ("hf-jsonl", [[("Marie", "PER")]])
    with pytest.raises(InputError, match="the tags are numbers"):  # of a folder below it is not known
        read_entities(aligner, tmp_path, content, "set/other/train.json")


@pytest.mark.parametrize("table", ['{"O": 0, "B-PER": 2}', '{"a": 0, "b": 1}', "{", '["x"]', '{"O": [0]}'])
def test_another_table_names_no_tags(tmp_path, aligner, table):
    put(tmp_path, "label.json", table)
    with pytest.raises(InputError, match="the tags are numbers"):
        read_entities(aligner, tmp_path, lines({"tokens": ["Marie", "left"], "tags": [1, 0]}), "train.json")


def test_numbered_tags_without_names_are_refused(tmp_path, aligner):
    content = lines({"tokens": ["Marie"], "ner_tags": [1]})
    with pytest.raises(InputError, match="--label 0=O"):
        read_entities(aligner, tmp_path, content, "a.jsonl")
    named = read_entities(aligner, tmp_path, content, "a.jsonl", labels={"0": "O", "1": "B-PER"})
    assert named[1] == [[("Marie", "PER")]]


def test_ignored_subwords_are_missing(tmp_path, aligner):
    content = lines({"tokens": ["Marie", "x"], "ner_tags": [1, -100]})
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    record = next(formats()["hf-jsonl"].read(next(open_sources(path)), ReadOptions(labels={"1": "B-PER"})))
    doc = aligner.doc(record)
    assert [token.ent_iob for token in doc] == [3, 0]


@pytest.mark.parametrize("key", ["trailing_whitespace", "space_after"])
def test_rows_that_say_their_spaces(key, tmp_path):
    row = {"tokens": ["Ann", "left", "Oslo", "."], "labels": ["B-PER", "O", "B-LOC", "O"], key: [True, True, False, False]}  # fmt: skip
    convert(put(tmp_path, "a.json", json.dumps([row])), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert (doc.text, doc.has_unknown_spaces) == ("Ann left Oslo.", False)


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


@pytest.mark.parametrize(
    "entities",
    [
        [{"start": 0, "end": 3, "label": 1}, {"start": 9, "end": 13, "label": 0}],
        {"start": [0, 9], "end": [3, 13], "label": [1, 0]},
        [{"text": "Ann", "label": 1}, {"text": "Oslo", "label": 0}],
    ],
)
def test_numbered_labels_of_spans_have_the_names_of_the_features(tmp_path, entities):
    import pyarrow
    import pyarrow.parquet

    label = {"names": ["LOC", "PER"], "_type": "ClassLabel"}
    struct = {"start": {"dtype": "int32"}, "label": label}
    features = {
        "info": {"features": {"entities": [struct] if isinstance(entities, list) else {"feature": struct}}}
    }
    table = pyarrow.Table.from_pylist([{"text": "Ann left Oslo.", "entities": entities}])
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(features)}), tmp_path / "a.parquet"
    )
    _, (record,) = read_all(tmp_path, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    assert surfaces(record) == [("Ann", "PER"), ("Oslo", "LOC")]


def test_characters_with_the_spaces_among_them_are_a_text(tmp_path):
    """KLUE: spaces stood between all the characters."""
    row = {
        "tokens": list("특히 영동고속도로 방향"),
        "ner_tags": ["O"] * 3 + ["B-LC"] + ["I-LC"] * 5 + ["O"] * 3,
    }
    _, (record,) = read_all(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert (record.text, surfaces(record)) == ("특히 영동고속도로 방향", [("영동고속도로", "LC")])
    row = {"tokens": ["Ann", " ", "left", "in", "May"], "ner_tags": ["B-PER", "O", "O", "O", "O"]}
    _, (record,) = read_all(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert record.tokens == row["tokens"]


def test_word_pieces_of_ai4privacy(tmp_path):
    """pii-masking-65k, which was refused."""
    row = {
        "masked_text": "[FULLNAME_1] is in [CITY_1].",
        "unmasked_text": "Ada Lovelace is in Turin.",
        "token_entity_labels": ["B-FULLNAME", "I-FULLNAME", "I-FULLNAME", "O", "O", "B-CITY", "O"],
        "tokenised_unmasked_text": ["Ada", "Love", "##lace", "is", "in", "Turin", "."],
    }
    convert(put(tmp_path, "a.jsonl", lines(row)), tmp_path / "out.spacy")
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(Vocab())
    found = [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]
    assert found == [[("Ada Lovelace", "FULLNAME"), ("Turin", "CITY")]]
