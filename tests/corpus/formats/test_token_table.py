"""Tables with one token per row."""

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import put


def test_kaggle_blank_cells_and_bare_tags(tmp_path, aligner):
    content = "Sentence #,Word,POS,Tag\nSentence: 1,Marie,NN,PER\n,Curie,NN,PER\n,,,\n,sleeps,VB,\nSentence: 2,Rome,NN,LOC\n"
    path = tmp_path / "a.csv"
    path.write_text(content)
    records = list(formats()["token-table"].read(next(open_sources(path)), ReadOptions()))
    chunk = aligner.chunk(records)
    assert chunk.lengths.tolist() == [3, 1]
    assert chunk.iob.tolist() == [3, 1, 0, 3]


def test_a_word_for_outside_is_told(tmp_path):
    content = "sentence,token,label\n1,Bob,PER\n1,ran,OTHER\n1,home,OTHER\n"
    report = convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")
    assert report.issues == {("unknown-tag", "noted"): 1}
    assert report.labels == {"PER": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_a_quote_that_is_a_token(tmp_path, delimiter):
    rows = ["form tag", "Oto B-PER", '" O', "Brno B-LOC", '" O', "Ulm B-LOC", ". O"]
    content = "\n".join(row.replace(" ", delimiter) for row in rows) + "\n"
    report = convert(put(tmp_path, "quotes.csv", content), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [token.text for token in doc] == ["Oto", '"', "Brno", '"', "Ulm", "."]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Oto", "PER"), ("Brno", "LOC"), ("Ulm", "LOC")]
    assert not report.issues


def test_quoted_tokens_and_texts_of_several_lines_are_read_as_csv(tmp_path):
    content = 'text,form,tag\n"Oto, my dear,\nleft","Oto",B-PER\n"Oto, my dear,\nleft",",",O\n"Oto, my dear,\nleft","""",O\n'
    convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [token.text for token in doc] == ["Oto", ",", '"']


@pytest.mark.parametrize(
    ("header", "quoted", "bare"),
    [
        ("form,tag", '",",O', ['",O', "Brno,B-LOC", '",O', ".,O"]),
        ("form,lemma,tag", '",",c,O', ['Oto,",B-PER', 'Brno,",B-LOC', ".,.,O"]),
        ("form,tag", '",",O', ['"Brno,B-LOC', 'Ulm",B-LOC', ".,O"]),
    ],
)
@pytest.mark.parametrize("before", [2, 9000])
def test_a_quote_that_swallows_rows_is_an_error(tmp_path, header, quoted, bare, before):
    """In a table that is quoted otherwise, and behind what is looked at before."""
    content = "\n".join([header, *[quoted] * before, *bare]) + "\n"
    with pytest.raises(InputError, match=f"a.csv:{before + 2}: a token over several rows, behind a quote"):
        convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")


def test_a_space_of_a_text_that_was_cut_into_characters(tmp_path):
    """It is left out as in files of columns, and counted; a hole in the table is another matter."""
    rows = [*zip("Al B去", ("B-PER", "I-PER", "I-PER", "I-PER", "O"), strict=True)]
    content = "sentence,token,label\n" + "".join(f"1,{token},{tag}\n" for token, tag in rows)
    report = convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy", lang="zh")
    assert report.labels == {"PER": 1}
    assert report.issues == {("empty-token", "dropped"): 1}
    with pytest.raises(InputError, match="the tag 'I-PER' without a token"):
        convert(put(tmp_path, "b.csv", content.replace("1, ,", "1,,")), tmp_path / "b.spacy")
