"""Tables with one token per row."""

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
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
