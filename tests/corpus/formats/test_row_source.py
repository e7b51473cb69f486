"""Rows of a data set, streaming or not, as the source of a conversion."""

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.huggingface.row_source import RowSource, find_rows
from cloudner.errors import ConfigError, InputError

NAMES = ["O", "B-PER", "I-PER", "B-LOC"]


def stream():
    """One row after the other, only once, as a streaming data set gives them."""
    yield {"id": "a", "tokens": ["Ada", "Lovelace", "left", "London"], "ner_tags": [1, 2, 0, 3]}
    yield {"id": "b", "tokens": ["Nobody", "came"], "ner_tags": [0, -100]}


class Described:
    """Iterated anew each time and described by `features`, as the data sets of the `datasets` library are."""

    def __init__(self, features):
        self.features = features

    def __iter__(self):
        return stream()


class Features(dict):
    def to_dict(self):
        return {
            "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
            "ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "List"},
        }


def read(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize("labels", [NAMES, {str(i): name for i, name in enumerate(NAMES)}])
def test_streamed_rows_with_label_names(labels, tmp_path):
    told = []
    report = convert(
        stream(),
        tmp_path / "a.spacy",
        labels=labels,
        progress=lambda source, n: told.append((source.name, n)),
    )
    first, second = read(tmp_path / "a.spacy")
    assert entities(first) == [("Ada Lovelace", "PER"), ("London", "LOC")]
    assert [token.ent_iob_ for token in second] == ["O", ""]  # -100 is missing, not O
    assert first.user_data["meta"]["id"] == "a"
    assert report.docs == 2
    assert told[-1] == ("rows", 2)


def test_label_names_of_the_data_set_itself(tmp_path):
    convert(Described(Features()), tmp_path / "a.spacy")
    assert entities(read(tmp_path / "a.spacy")[0]) == [("Ada Lovelace", "PER"), ("London", "LOC")]


def test_names_that_are_given_go_before_those_of_the_data_set(tmp_path):
    convert(Described(Features()), tmp_path / "a.spacy", labels=["O", "B-A", "I-A", "B-B"])
    assert entities(read(tmp_path / "a.spacy")[0]) == [("Ada Lovelace", "A"), ("London", "B")]


def test_rows_of_texts_and_of_arrays(tmp_path):
    convert([{"text": "I saw Ada", "entities": [[6, 9, "PER"]]}], tmp_path / "a.spacy")
    assert entities(read(tmp_path / "a.spacy")[0]) == [("Ada", "PER")]
    convert([{"tokens": ["Ada", "left"], "ner_tags": np.array([1, 0])}], tmp_path / "b.spacy", labels=NAMES)
    assert entities(read(tmp_path / "b.spacy")[0]) == [("Ada", "PER")]


def test_numbers_without_names_are_told_with_the_row(tmp_path):
    with pytest.raises(InputError, match="nothing says their names") as caught:
        convert(Described(None), tmp_path / "a.spacy")
    assert (caught.value.file, caught.value.line) == ("rows", 1)
    assert "labels=[" in str(caught.value)


def test_a_row_that_is_none(tmp_path):
    with pytest.raises(InputError, match="a row that is list") as caught:
        convert([*stream(), ["Ada"]], tmp_path / "a.spacy", labels=NAMES)
    assert caught.value.line == 3


def test_a_stream_that_breaks_off_leaves_no_output(tmp_path):
    def broken():
        yield from stream()
        raise ConnectionError("gone")

    with pytest.raises(InputError, match="no more rows came after row 2: gone"):
        convert(broken(), tmp_path / "a.spacy", labels=NAMES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sources", "settings", "found"),
    [
        ({"train": [], "test": []}, {}, "'train', 'test'"),
        (7, {}, "type int"),
        ([{"tokens": ["a"], "ner_tags": ["O"]}], {"format": "conll"}, "'conll' for rows"),
        ([{"tokens": ["a"], "ner_tags": ["O"]}], {"labels": "O"}, "labels='O'"),
    ],
)
def test_what_cannot_be_rows(sources, settings, found, tmp_path):
    with pytest.raises(ConfigError, match=found):
        convert(sources, tmp_path / "a.spacy", **settings)


def test_paths_stay_paths():
    assert find_rows("a.csv") == "a.csv"
    assert find_rows(name for name in ("a.csv", "b.csv")) == ["a.csv", "b.csv"]
    assert find_rows([]) == []
    assert isinstance(find_rows(stream()), RowSource)


class TwoLevels(Described):
    """Coarse and fine tags, each with names of its own, as Few-NERD has them."""

    def __init__(self):
        columns = {"ner_tags": ["O", "person", "art"], "fine_ner_tags": ["O", "art-film", "art-book", "person-actor"]}  # fmt: skip
        super().__init__(
            {
                name: {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}
                for name, names in columns.items()
            }
        )

    def __iter__(self):
        words = ["Ada", "saw", "Dune"]
        pos = [1, 2, 1]
        yield {"tokens": words, "pos_tags": pos, "ner_tags": [1, 0, 2], "fine_ner_tags": [3, 0, 2]}
        yield {"tokens": ["No"], "pos_tags": [3], "ner_tags": [0], "fine_ner_tags": [0]}


def test_two_columns_of_tags_are_told_and_chosen(tmp_path):
    report = convert(TwoLevels(), tmp_path / "a.spacy")
    assert entities(read(tmp_path / "a.spacy")[0]) == [("Ada", "person"), ("Dune", "art")]
    assert report.issues == {("unsupported", "noted"): 1}
    assert (
        report.examples["unsupported"].done
        == "'fine_ner_tags' holds tags too, 'ner_tags' is read; --tag-column fine_ner_tags"
    )
    # the names are those of the column that is read
    report = convert(TwoLevels(), tmp_path / "b.spacy", tag_column="fine_ner_tags")
    assert entities(read(tmp_path / "b.spacy")[0]) == [("Ada", "person-actor"), ("Dune", "art-book")]
    assert report.issues == {}


def test_names_of_another_column_are_not_taken(tmp_path):
    class Tagged(TwoLevels):
        def __init__(self):
            pos = {"feature": {"names": ["X", "NOUN", "VERB"]}}
            Described.__init__(self, {"pos_tags": pos, "ner_tags": {"feature": {"dtype": "int64"}}})

    with pytest.raises(InputError, match="nothing says their names"):
        convert(Tagged(), tmp_path / "a.spacy")


WORDS = ["Ada", "Lovelace", "left", "London"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"tokenized_text": WORDS, "ner": [[0, 1, "PER"], [3, 3, "LOC"]]}],
        [{"tokenized_text": WORDS, "ner": [["0", "1", "PER"], ["3", "3", "LOC"]]}],
        [{"tokens": WORDS, "entities": [{"type": "PER", "start": 0, "end": 2}, {"type": "LOC", "start": 3, "end": 4}]}],
        [{"input": " ".join(WORDS), "output": ["Ada Lovelace <> PER <> a name", "London <> LOC <> a place"]}],
        [{"input": " ".join(WORDS), "output": "['Ada Lovelace <> PER', 'London <> LOC']"}],
    ],
    ids=["GLiNER", "GLiNER as texts", "SpERT", "NuNER", "NuNER printed"],
)  # fmt: skip
def test_spans_of_tokens_and_mentions_in_rows_and_parquet(tmp_path, rows):
    expected = [("Ada Lovelace", "PER"), ("London", "LOC")]
    convert(rows * 2, tmp_path / "a.spacy")
    assert [entities(doc) for doc in read(tmp_path / "a.spacy")] == [expected] * 2
    if isinstance(rows[0].get("ner", [[""]])[0][0], int):
        return  # a column has values of one kind
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(rows * 2), tmp_path / "a.parquet")
    convert(tmp_path / "a.parquet", tmp_path / "b.spacy")
    assert [entities(doc) for doc in read(tmp_path / "b.spacy")] == [expected] * 2


def test_a_span_of_tokens_that_are_not_there(tmp_path):
    rows = [{"tokens": WORDS, "entities": [[0, 1, "PER"]]}, {"tokens": WORDS, "entities": [[3, 7, "LOC"]]}]
    with pytest.raises(
        InputError, match=r"rows:2: span: .* of 4 tokens; expected positions of tokens from 0"
    ):
        convert(rows, tmp_path / "a.spacy")
