"""Corpora that Python hands over: whatever holds the documents, the same annotations come out."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

import cloudner
from cloudner.corpus.handed import as_sources, splits_of
from cloudner.errors import InputError

DATA = [("Ada moved to Turin.", [(0, 3, "PER"), (13, 18, "LOC")]), ("Bo slept.", [(0, 2, "PER")])]
TAGGED = {"tokens": [["Ada", "slept"], ["Bo"]], "ner_tags": [["B-PER", "O"], ["B-PER"]]}


def found(data, folder: Path, **columns) -> list[tuple[str, list[tuple[int, int, str]]]]:
    cloudner.convert(as_sources(data, folder / "given", **columns), folder / "out.spacy", **columns)
    docs = DocBin().from_disk(folder / "out.spacy").get_docs(spacy.blank("en").vocab)
    return [(doc.text.rstrip(), [(e.start_char, e.end_char, e.label_) for e in doc.ents]) for doc in docs]


def test_pairs_docs_and_examples(tmp_path):
    nlp = spacy.blank("en")
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": spans}) for text, spans in DATA]
    docs = [eg.reference for eg in examples]
    docs[0].user_data["anything"] = object()  # what no file can hold is left where it is
    for data in (
        DATA, [(t, {"entities": e}) for t, e in DATA], docs, examples, [(d.text, d.ents) for d in docs],
        [{"text": t, "entities": e} for t, e in DATA], iter(DATA),
    ):  # fmt: skip
        assert found(data, tmp_path) == DATA
    assert "anything" in docs[0].user_data


def test_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DATA, columns=["text", "entities"])
    assert found(frame, tmp_path) == DATA
    named = frame.set_axis(["said", "marks"], axis=1)
    assert found(named, tmp_path, text_column="said", entities_column="marks") == DATA
    as_text = frame.assign(entities=[str([list(span) for span in spans]) for _, spans in DATA])
    assert found(as_text, tmp_path) == DATA
    assert found(pandas.DataFrame(TAGGED), tmp_path) == [("Ada slept", [(0, 3, "PER")]), ("Bo", [(0, 2, "PER")])]  # fmt: skip
    tokens = pandas.DataFrame({"sentence_id": [1, 1, 2], "word": ["Ada", "slept", "Bo"], "tag": ["B-PER", "O", "B-PER"]})  # fmt: skip
    assert [ents for _, ents in found(tokens, tmp_path)] == [[(0, 3, "PER")], [(0, 2, "PER")]]


def test_polars_and_arrow(tmp_path):
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    spans = [[{"start": a, "end": b, "label": label} for a, b, label in each] for _, each in DATA]
    columns = {"text": [text for text, _ in DATA], "entities": spans}
    for frame in (polars.DataFrame(columns), polars.LazyFrame(columns), pyarrow.table(columns)):
        assert found(frame, tmp_path) == DATA


def test_a_data_set_with_numbered_tags(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        tokens=datasets.Sequence(datasets.Value("string")),
        ner_tags=datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER"])),
    )
    part = datasets.Dataset.from_dict({"tokens": [["Ada", "slept"]], "ner_tags": [[1, 0]]}, features=features)
    assert found(part, tmp_path) == [("Ada slept", [(0, 3, "PER")])]
    parts = splits_of(datasets.DatasetDict(train=part, validation=part))
    assert list(parts) == ["train", "dev"]


@pytest.mark.parametrize(
    ("data", "said"),
    [([], "without a document"), (3, "type int"), ([1], "corpus of int"), (["Ada\nslept"], "a text where a file"), ([("a",)], "item 1 is no"), ([DATA[0], ("b", 1, 2)], "item 2 is no")],
)  # fmt: skip
def test_what_is_no_corpus_is_one_error(data, said, tmp_path):
    with pytest.raises(InputError, match=said):
        found(data, tmp_path)


def test_a_mapping_without_train():
    with pytest.raises(InputError, match="key train"):
        splits_of({"dev": DATA})
