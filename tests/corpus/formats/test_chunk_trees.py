"""NLTK's chunk trees."""

import pytest

from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import entities_of, read, read_all

TREES = """(S
  (PERSON Marie/NNP Curie/NNP)
  works/VBZ
  (/(
  at/IN
  (ORGANIZATION University/NNP of/IN (GPE Paris/NNP))
  )/)
  (see)/NN
  a/b/CD
  ./.)
(S Nothing/NN ./.)
"""
WORDS = ["Marie", "Curie", "works", "(", "at", "University", "of", "Paris", ")", "(see)", "a/b", "."]


def test_trees(aligner, tmp_path):
    for content in (TREES, " ".join(TREES.split()), TREES.replace("\n", "\r\n"), "\ufeff" + TREES):
        name, records = read_all(tmp_path, "a.txt", content)
        assert name == "chunk-trees"
        assert [record.tokens for record in records] == [WORDS, ["Nothing", "."]]
        spans = [records[0].text[s.start : s.end] + " " + s.label for s in records[0].spans]
        assert spans == ["Marie Curie PERSON", "University of Paris ORGANIZATION", "Paris GPE"]
        assert entities_of(aligner, records) == [("Marie Curie", "PERSON"), ("University of Paris", "ORGANIZATION")]  # fmt: skip
        docs = aligner.docs(records)
        assert [token.text for token in docs[0]] == WORDS
        aligner.take_issues()


def test_words_of_an_unspaced_script(tmp_path):
    _, records = read_all(tmp_path, "a.txt", "(S (PERSON 王/nr 小明/nr) 在/p (GPE 北京/ns) 。/w)\n")
    assert records[0].text == "王小明在北京。"
    assert [(s.start, s.end) for s in records[0].spans] == [(0, 3), (4, 6)]


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        ("(S (PERSON Ann/NNP)\nleft/VBD\n", 1, "a tree without its end"),
        ("(S (PERSON Ann/NNP))\nleft/VBD\n", 2, "'left/VBD' outside a tree"),
        ("(S (PERSON Ann/NNP)\nleft)\n", 2, "'left\\)' is no word/pos"),
    ],
)
def test_broken_trees_are_one_line(tmp_path, content, line, found):
    with pytest.raises(InputError, match=rf"a\.txt:{line}.*{found}"):
        read(tmp_path, formats()["chunk-trees"], content, "a.txt")


def test_trees_of_syntax_are_no_chunks(tmp_path):
    with pytest.raises(InputError):
        read_all(tmp_path, "a.txt", "(S (NP (NNP Ann)) (VP (VBD left)))\n")
