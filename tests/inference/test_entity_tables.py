"""Entities of texts as tables: the same as the pipeline finds, with the ids that were given."""

from __future__ import annotations

import itertools
import json

import pytest
import spacy
from spacy.tokens import Span

import cloudner
import spans
import tiny
from cloudner.errors import CloudnerError
from cloudner.serving.recognition import recognize

TEXTS = ["Marie Curie lived in Paris.", "no entity stands here", "Apple bought Beats in 2014"]
NAMES = ["document", "start", "end", "label", "text", "confidence"]


def expected(nlp, texts=TEXTS):
    return [
        (number, ent.start_char, ent.end_char, ent.label_, ent.text)
        for number, doc in enumerate(nlp.pipe(texts))
        for ent in doc.ents
    ]


def without_confidence(rows):
    return [tuple(row.values())[:5] for row in rows]


def test_rows_are_what_the_pipeline_finds(trained):
    rows = cloudner.predict(trained, TEXTS, to="rows")
    assert without_confidence(rows) == expected(trained)
    assert len(rows) == 4
    assert all(list(row) == NAMES and 0 < row["confidence"] <= 1 for row in rows)


def test_a_folder_one_text_pairs_and_docs(trained, trained_folder):
    (one, two) = cloudner.predict(trained_folder, TEXTS[0], to="rows", device="cpu")
    assert (one["text"], two["text"]) == ("Marie Curie", "Paris")
    pairs = cloudner.predict(trained, [("a", TEXTS[0]), ("b", TEXTS[2])], to="rows")
    assert [row["document"] for row in pairs] == ["a", "a", "b", "b"]
    docs = [trained.make_doc(text) for text in TEXTS]
    assert without_confidence(cloudner.predict(trained, docs, to="rows")) == expected(trained)


def test_a_threshold_leaves_out_what_is_below(trained):
    rows = cloudner.predict(trained, TEXTS, to="rows")
    middle = sorted(row["confidence"] for row in rows)[2]
    kept = cloudner.predict(trained, TEXTS, to="rows", threshold=middle)
    assert kept == [row for row in rows if row["confidence"] >= middle]
    assert 0 < len(kept) < len(rows)
    with pytest.raises(CloudnerError, match="threshold = 2"):
        cloudner.predict(trained, TEXTS, threshold=2)


def test_a_stream_is_read_a_batch_at_a_time(trained):
    read = itertools.count()
    last = 0

    def endless():
        nonlocal last
        while True:
            last = next(read)
            yield TEXTS[0]

    stream = cloudner.predict_stream(trained, endless(), batch_size=2)
    first = list(itertools.islice(stream, 6))
    assert [row["document"] for row in first] == [0, 0, 1, 1, 2, 2]
    assert last < 12


def test_pandas_keeps_its_index(trained):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"Sentence": [*TEXTS, None], "key": list("wxyz")}, index=[7, 8, 9, 10])
    found = cloudner.predict(trained, frame)
    assert isinstance(found, pandas.DataFrame)
    assert list(found.columns) == NAMES
    assert list(found["document"]) == [7, 7, 9, 9]
    assert [f.text[row.start : row.end] for row in found.itertuples() for f in [frame.assign(text=frame["Sentence"]).loc[row.document]]] == list(found["text"])  # fmt: skip
    assert list(cloudner.predict(trained, frame, id_column="key")["document"]) == ["w", "w", "y", "y"]
    empty = cloudner.predict(trained, frame[:0])
    assert (len(empty), str(empty["start"].dtype)) == (0, "int64")


def test_polars_and_arrow_give_their_own_kind(trained):
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    found = cloudner.predict(trained, polars.DataFrame({"text": TEXTS}))
    assert isinstance(found, polars.DataFrame)
    assert found.rows()[0][:5] == (0, 0, 11, "PER", "Marie Curie")
    table = cloudner.predict(trained, pyarrow.table({"text": TEXTS}))
    assert isinstance(table, pyarrow.Table)
    assert table.column_names == NAMES
    assert table.num_rows == 4
    assert cloudner.predict(trained, pyarrow.table({"text": ["no entity stands here"]})).num_rows == 0


@pytest.mark.parametrize(
    ("texts", "said"),
    [([1], "document 0 is int"), (7, "texts of type int"), ([("a", "b", "c")], "a tuple of 3"), ([{"a": "x", "b": "y"}], "no column of texts")],
)  # fmt: skip
def test_what_is_no_text_is_one_error(trained, texts, said):
    with pytest.raises(CloudnerError, match=said):
        cloudner.predict(trained, texts)


def test_an_unknown_table_or_column(trained):
    with pytest.raises(CloudnerError, match="to = 'csv'"):
        cloudner.predict(trained, TEXTS, to="csv")
    pandas = pytest.importorskip("pandas")
    with pytest.raises(CloudnerError, match="no column 'b'"):
        cloudner.predict(trained, pandas.DataFrame({"a": TEXTS}), text_column="b")


def test_whatever_holds_texts_in_pandas_numpy_and_arrow(trained):
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    numpy = pytest.importorskip("numpy")
    right = expected(trained)
    first = [row for row in right if row[0] == 0]

    class Derived(pandas.DataFrame):  # such as a GeoDataFrame
        pass

    for texts, wanted in (
        (numpy.array(TEXTS), right),
        (pandas.Index(TEXTS), right),
        (pyarrow.array(TEXTS), right),
        (pyarrow.chunked_array([TEXTS[:1], TEXTS[1:]]), right),
        (pyarrow.record_batch({"text": TEXTS}), right),
        (Derived({"text": TEXTS}), right),
        (pandas.Series([TEXTS[0], pandas.NA], dtype="string"), first),
        (pandas.Series([TEXTS[0], pandas.NaT], dtype=object), first),
        (pyarrow.array([TEXTS[0], None]), first),
    ):
        assert without_confidence(cloudner.predict(trained, texts, to="rows")) == wanted, type(texts)
    assert isinstance(cloudner.predict(trained, Derived({"text": TEXTS})), pandas.DataFrame)


def test_docs_of_another_pipeline_are_predicted_as_their_words(trained):
    import spacy

    docs = [spacy.blank("xx")(text) for text in TEXTS]
    assert without_confidence(cloudner.predict(trained, docs, to="rows")) == expected(trained)


def test_a_table_without_entities_has_columns_of_texts(trained):
    pytest.importorskip("pandas")
    found = cloudner.predict(trained, ["no entity stands here"], to="pandas")
    assert list(found["label"].str.lower()) == list(found["text"].str.lower()) == []


@pytest.mark.parametrize("size", [0, -1])
def test_no_documents_at_a_time_are_refused(trained, size):
    with pytest.raises(CloudnerError, match=f"batch_size = {size}"):
        cloudner.predict(trained, TEXTS, batch_size=size)
    with pytest.raises(CloudnerError, match=f"batch_size = {size}"):
        cloudner.drift(TEXTS, TEXTS, model=trained, batch_size=size)


def test_half_a_surrogate_pair_names_the_document(trained):
    with pytest.raises(CloudnerError, match="document:1: half of a surrogate pair") as error:
        cloudner.predict(trained, [TEXTS[0], "a \ud83d b"])
    assert "skip-bad" not in str(error.value)  # an option of `convert`
    mended = "a \ud83d b".encode("utf-8", "replace").decode("utf-8")  # as the error says
    assert mended == "a ? b"
    cloudner.predict(trained, [mended])


def test_two_components_of_spans_give_both_groups(bert, tmp_path):
    nlp = spacy.blank("xx")
    for name, key in (("first", "sc"), ("second", "other")):
        nlp.add_pipe("cloudner_spans", name=name, config={**spans.settings(bert), "spans_key": key})
    text = "Marie Curie met Apple in Paris"
    examples = spans.gold(nlp, [(text, [(0, 2, "PER"), (5, 6, "LOC")])])
    for eg in examples:  # one span of both groups, one inside another
        eg.reference.spans["other"] = [
            Span(eg.reference, *span) for span in ((0, 2, "PER"), (1, 2, "PER"), (3, 4, "ORG"))
        ]
    tiny.start(nlp, examples)
    optimizer = tiny.adamw(1e-2)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    expected = [("Marie Curie", "PER"), ("Curie", "PER"), ("Apple", "ORG"), ("Paris", "LOC")]
    doc = nlp(text)
    assert (len(doc.spans["sc"]), len(doc.spans["other"])) == (2, 3)
    rows = cloudner.predict(nlp, [text], to="rows")
    assert [(row["text"], row["label"]) for row in rows] == expected
    assert rows[0]["confidence"] == max(float(doc.spans[key].attrs["scores"][0]) for key in ("sc", "other"))
    assert [(each["text"], each["label"]) for each in recognize(nlp, [text])[0]] == expected
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "texts.txt").write_text(text + "\n", encoding="utf8")
    cloudner.annotate(
        tmp_path / "texts.txt", tmp_path / "out", model=tmp_path / "pipeline", to="jsonl", device="cpu"
    )
    (piece,) = (tmp_path / "out").glob("*.jsonl")
    (row,) = map(json.loads, piece.read_text(encoding="utf8").splitlines())
    assert [(each["text"], each["label"]) for each in row["entities"]] == expected


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_ids_of_several_types_are_told_where_a_column_has_one(trained, kind):
    pytest.importorskip({"arrow": "pyarrow"}.get(kind, kind))
    pairs = [(1, TEXTS[0]), ("a", TEXTS[2])]
    with pytest.raises(CloudnerError, match="types int, str"):
        cloudner.predict(trained, pairs, to=kind)
    assert [row["document"] for row in cloudner.predict(trained, pairs, to="rows")] == [1, 1, "a", "a"]
