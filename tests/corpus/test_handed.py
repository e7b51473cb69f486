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


def test_pandas_with_spans_of_tokens_and_slots_in_brackets(tmp_path):
    pandas = pytest.importorskip("pandas")
    counted = pandas.DataFrame([{"tokenized_text": ["Ada", "slept"], "ner": [[0, 0, "PER"]]}])
    assert found(counted, tmp_path) == [("Ada slept", [(0, 3, "PER")])]
    slots = pandas.DataFrame([{"id": "0", "utt": "Ada slept", "annot_utt": "[PER : Ada] slept"}])
    assert found(slots, tmp_path) == [("Ada slept", [(0, 3, "PER")])]


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


def test_a_derived_frame_and_a_batch_are_tables(tmp_path):
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")

    class Derived(pandas.DataFrame):  # such as a GeoDataFrame
        pass

    assert found(Derived(DATA, columns=["text", "entities"]), tmp_path) == DATA
    spans = [[{"start": a, "end": b, "label": label} for a, b, label in each] for _, each in DATA]
    batch = pyarrow.record_batch({"text": [text for text, _ in DATA], "entities": spans})
    assert found(batch, tmp_path) == DATA


def test_offsets_as_numpy_has_them(tmp_path):
    numpy = pytest.importorskip("numpy")
    pairs = [
        (text, [(numpy.int64(a), numpy.int32(b), numpy.str_(label)) for a, b, label in spans])
        for text, spans in DATA
    ]
    assert found(pairs, tmp_path) == DATA
    rows = [
        {"text": text, "entities": [{"start": a, "end": b, "label": label} for a, b, label in spans]}
        for text, spans in pairs
    ]
    assert found(rows, tmp_path) == DATA


def test_a_text_without_a_list_of_entities_has_none(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    want = [*DATA, ("Nothing here.", [])]
    texts = [text for text, _ in want]
    spans = [[{"start": a, "end": b, "label": label} for a, b, label in each] for _, each in DATA]
    for frame in (
        pandas.DataFrame({"text": texts, "entities": [*spans, None]}),
        pandas.DataFrame({"text": texts, "entities": [*spans, float("nan")]}),
        polars.DataFrame({"text": texts, "entities": [*spans, None]}),
    ):
        assert found(frame, tmp_path) == want


@pytest.mark.parametrize(
    "data", [DATA, [spacy.blank("en")("Ada slept.")], 7], ids=["pairs", "docs", "number"]
)
@pytest.mark.parametrize(
    "function",
    [cloudner.inspect_corpus, cloudner.plan, cloudner.choose_texts, cloudner.convert, cloudner.review],
)
def test_what_takes_files_says_so(function, data, tmp_path, trained):
    more = {
        cloudner.convert: {"output": tmp_path / "a.spacy"}, cloudner.choose_texts: {"model": trained},
        cloudner.review: {"output": tmp_path / "review"},
    }  # fmt: skip
    with pytest.raises(
        cloudner.CloudnerError, match=r"in the place of a file|a corpus of type|sources of type"
    ):
        function(data, **more.get(function, {}))


def test_a_frame_is_no_list_of_files(tmp_path, trained):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DATA, columns=["text", "entities"])
    for call in (
        lambda: cloudner.evaluate(trained, frame),
        lambda: cloudner.inspect_corpus(frame),
        lambda: cloudner.annotate(frame, tmp_path / "out", model=trained),
        lambda: cloudner.convert(frame, tmp_path / "a.spacy"),
    ):
        with pytest.raises(InputError, match="in the place of a file"):
            call()


@pytest.mark.parametrize("data", [["dev.spacy"], DATA], ids=["paths", "pairs"])
def test_calibration_takes_examples(trained, data):
    with pytest.raises(InputError, match="data to calibrate on of type"):
        cloudner.calibrate(trained, data)


def test_texts_that_nobody_has_annotated(tmp_path):
    """None is told; spaCy's tuple without entities, and what `convert` writes for such a text, are no annotation."""
    pandas = pytest.importorskip("pandas")

    def counts(data):
        report = cloudner.convert(as_sources(data, tmp_path / "given"), tmp_path / "out.spacy")
        return report.unannotated_docs, report.issues["no-value", "noted"]

    first = ("Ada slept.", [(0, 3, "PER")])
    assert counts([first, ("Bo slept.", None), ("Al slept.", [])]) == (0, 1)
    assert counts([first, ("Bo slept.", {"entities": None})]) == (0, 1)
    assert counts([first, ("Bo slept.", {"cats": {}})]) == (1, 0)
    frame = pandas.DataFrame([first, ("Bo slept.", None)], columns=["text", "entities"])
    assert counts(frame) == (0, 1)
    assert counts(frame.assign(entities=['[[0, 3, "PER"]]', "null"])) == (1, 0)
    assert counts(frame.assign(entities=['[[0, 3, "PER"]]', ""])) == (0, 1)
    frame["entities"] = [first[1], []]
    assert counts(frame.assign(complete=[float("nan"), 0.0])) == (1, 0)  # as pandas reads JSON lines


def test_a_column_of_mappings(tmp_path):
    pandas = pytest.importorskip("pandas")
    texts = [text for text, _ in DATA]
    for column in (
        [{"entities": spans} for _, spans in DATA],
        [{"PER": ["Ada"], "LOC": ["Turin"]}, {"PER": ["Bo"], "LOC": []}],
        [{"PER": [[0, 3]], "LOC": [[13, 18]]}, {"PER": [[0, 2]]}],
    ):
        assert found(pandas.DataFrame({"text": texts, "entities": column}), tmp_path) == DATA
    with pytest.raises(InputError, match=r'cannot read the spans \{"PER": 3\}'):
        found(pandas.DataFrame({"text": texts[:1], "entities": [{"PER": 3}]}), tmp_path)
