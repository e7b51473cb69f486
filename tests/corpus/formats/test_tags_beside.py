"""Words in one file and their tags in another, a sentence a line."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at, entities
from corpus.reading import put


def read(path, tmp_path, **options):
    report = convert(str(path), tmp_path / "out.spacy", **options)
    return report, docs_at(tmp_path / "out.spacy")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("tags.txt", "sentences.txt"),
        ("seq.out", "seq.in"),
        ("train.tags.txt", "train.words.txt"),
        ("target.txt", "source.txt"),
        ("train_labels.txt", "train_text.txt"),
    ],
)
def test_a_folder_of_them(tmp_path, tags, words):
    put(tmp_path / "in", words, "show flights from New York\r\n\r\nhi\r\n")
    put(tmp_path / "in", tags, "O O O B-from.city I-from.city\n\nO\n")
    report, docs = read(tmp_path / "in", tmp_path)
    assert [[token.text for token in doc] for doc in docs] == [
        ["show", "flights", "from", "New", "York"],
        ["hi"],
    ]
    assert entities(docs) == [[("New York", "from.city")], []]
    assert not report.issues


def test_characters_have_no_space_between(tmp_path):
    put(tmp_path, "source.txt", "毛 泽 东 1 9 4 9 年 在 北 京\n如 何\n")
    path = put(tmp_path, "target.txt", "B_PER I_PER I_PER O O O O O O B_LOC I_LOC\nO O\n")
    _, docs = read(path, tmp_path, lang="zh")
    assert [doc.text for doc in docs] == ["毛泽东1949年在北京", "如何"]
    assert entities(docs) == [[("毛泽东", "PER"), ("北京", "LOC")], []]


def test_lines_that_do_not_match_are_an_error(tmp_path):
    put(tmp_path, "sentences.txt", "Ann left\nBo stayed\n")
    with pytest.raises(InputError, match=r"tags\.txt:2: 1 tags of 2 words"):
        read(put(tmp_path, "tags.txt", "B-PER O\nB-PER\n"), tmp_path)
    with pytest.raises(InputError, match=r"tags\.txt:3: 2 tags of 0 words"):
        read(put(tmp_path, "tags.txt", "B-PER O\nB-PER O\nO O\n"), tmp_path)


def test_tags_without_their_words_are_no_text(tmp_path):
    """They were read as columns, tags of tags."""
    path = put(tmp_path, "tags.txt", "O B-PER I-PER O\nO O B-LOC O\nB-LOC O O O\n")
    with pytest.raises(InputError, match=r"'words\.txt'.* not beside it"):
        read(path, tmp_path)
