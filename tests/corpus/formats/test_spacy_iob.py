"""spaCy's `.iob` files: missing tags, bars and white space in words."""

import io

import pytest

from cloudner.corpus.contract import ReadOptions, Record
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.columns.spacy_iob import IOB
from cloudner.errors import InputError


def read(path):
    return list(IOB.read(next(open_sources(path)), ReadOptions()))


def written(*records):
    stream = io.StringIO()
    IOB.write(records, stream)
    return stream.getvalue()


def test_a_hyphen_is_a_missing_tag(tmp_path):
    path = tmp_path / "a.iob"
    path.write_text("Ada|B-PER left|- Rome|NNP|B-LOC\n-|: |- sat|O\n")
    first, second = read(path)
    assert first.tags == ["B-PER", None, "B-LOC"]
    assert second.tokens[0] == "-"
    assert written(first) == "Ada|B-PER left|- Rome|B-LOC\n"


def test_an_unfinished_document_is_written_as_missing():
    record = Record("f", 1, text="Ada left", complete=False)
    assert written(record) == "Ada|- left|-\n"


def test_bars_and_white_space_in_words_come_back(tmp_path):
    words = ["|", "a|b", "|x", "a\u00a0b", "\u00a0", "end"]
    record = Record("f", 1, tokens=words, tags=["O", "B-X", "I-X", "O", None, "O"], sent_starts=[0])
    path = tmp_path / "a.iob"
    path.write_text(written(record), encoding="utf-8")
    (back,) = read(path)
    assert (back.tokens, back.tags) == (record.tokens, record.tags)
    assert IOB.sniff(next(open_sources(path)).sample()).score > 0.9


def test_a_lone_bar_of_two_columns(tmp_path):
    path = tmp_path / "a.iob"
    path.write_text("||O\n")
    assert read(path)[0].tokens == ["|"]


@pytest.mark.parametrize("label", ["A|B", "A B"])
def test_a_label_that_would_be_read_as_another(label):
    with pytest.raises(InputError, match="spacy-iob cannot hold"):
        written(Record("f", 1, tokens=["a"], tags=[f"B-{label}"], sent_starts=[0]))


def test_missing_tokens_stay_missing_through_a_conversion(tmp_path):
    (tmp_path / "a.iob").write_text("Ada|B-PER left|- Rome|B-LOC\n")
    report = convert(tmp_path / "a.iob", tmp_path / "b.iob", to="spacy-iob")
    assert (tmp_path / "b.iob").read_text() == "Ada|B-PER left|- Rome|B-LOC\n"
    assert not report.issues
