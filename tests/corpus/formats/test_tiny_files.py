"""The smallest files that formats of a token a line write are read again where their format is named."""

import pytest

from cloudner.corpus.contract import Record
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from corpus.converting import docs_at
from corpus.reading import put, written

CASES = {
    "nobody annotated it": (["Ann", "left"], [None, None]),
    "a word that nobody annotated": (["Ann"], [None]),
    "entities alone": (["Ann", "Oslo"], ["B-PER", "B-LOC"]),
    "an entity alone": (["Ann"], ["B-PER"]),
    "nothing in it": (["left", "."], ["O", "O"]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["conll", "conll-biluo", "conllu", "stanford", "hf-jsonl"])
def test_a_tiny_file_is_read_again(tmp_path, name, case):
    words, tags = CASES[case]
    record = Record("x", 1, tokens=words, tags=tags, sent_starts=[0], complete=tags[0] is not None)
    path = put(tmp_path, "a.txt", written(formats()[name], [record]))
    convert(str(path), tmp_path / "a.spacy", format=name)
    (doc,) = docs_at(tmp_path / "a.spacy")
    assert [token.text for token in doc] == words
    found = [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else t.ent_iob_ or None for t in doc]
    assert found == tags
