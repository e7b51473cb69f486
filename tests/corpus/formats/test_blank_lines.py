"""Blank lines above and under all records change none of them."""

import pytest

from corpus.reading import read_all, surfaces

FILES = {
    "a.csv": 'text,entities\nAnn left.,"[[0, 3, ""PER""]]"\nBob ran.,"[[0, 3, ""PER""]]"\n',
    "tokens.csv": "Sentence #,Word,POS,Tag\nSentence: 1,Ann,N,B-PER\n,left,V,O\nSentence: 2,Bob,N,B-PER\n",
    "tags.csv": "sentence,tags\nAnn left .,B-PER O O\nBob ran .,B-PER O O\n",
    "en-ner.train": "<START:PER> Ann <END> left .\n<START:PER> Bob <END> ran .\n",
}


@pytest.mark.parametrize("above", ["\n", "\r\n \r\n"])
@pytest.mark.parametrize("name", FILES)
def test_blank_lines_around_the_records(tmp_path, name, above):
    """A table was none behind them, or its sentences were one; OpenNLP's lines were one document."""
    plain, records = read_all(tmp_path, name, FILES[name])
    found, others = read_all(tmp_path, name, above + FILES[name] + "\n\n")
    assert found == plain
    assert [surfaces(each) for each in others] == [surfaces(each) for each in records]
    assert [surfaces(each) for each in others] == [[("Ann", "PER")], [("Bob", "PER")]]
