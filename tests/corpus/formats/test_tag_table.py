"""Tables with a sentence and its tags per row."""

import pytest

from cloudner.corpus.align.tag_shapes import is_tag
from cloudner.errors import InputError
from corpus.reading import entities_of, read_all, surfaces
from corpus.samples.words import ADA_WORDS


def test_a_hyphen_for_outside_in_a_line_of_tags_is_told(tmp_path):
    content = " ".join([*ADA_WORDS, "Soon", "."]) + "\tPER_B PER_I - - LOC_B - - -\n"
    found, (record,) = read_all(tmp_path, "test.tsv", content)
    assert found == "slash-tags"
    assert record.tags == [
        "PER_B",
        "PER_I",
        "-",
        "-",
        "LOC_B",
        "-",
        "-",
        "-",
    ]  # O, when the whole file is looked at
    _, (record,) = read_all(tmp_path, "test.tsv", content, labels={"-": "O"})
    assert (record.tags[2], record.notes) == ("O", [])


SENTENCES = "Ulm by train\tB-PLACE O O\nBrno to Ulm\tB-PLACE O B-PLACE\nBrno\tB-PLACE\nback again\tO O\n"


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a.tab", "a.csv"])
def test_sentences_and_their_tags_behind_a_tab(tmp_path, name):
    """Two even columns in a .tsv are no table where each word has its tag."""
    found, records = read_all(tmp_path, name, SENTENCES)
    assert found == "slash-tags"
    assert [surfaces(record) for record in records] == [
        [("Ulm", "PLACE")],
        [("Brno", "PLACE"), ("Ulm", "PLACE")],
        [("Brno", "PLACE")],
        [],
    ]


def test_a_table_with_a_header_stays_a_table(tmp_path):
    found, records = read_all(tmp_path, "a.tsv", "sentence\ttags\n" + SENTENCES)
    assert found == "tag-table"
    assert len(records) == 4
    assert read_all(tmp_path, "b.tsv", "Ulm\tB-PLACE\nby\tO\n\nBrno\tB-PLACE\n.\tO\n")[0] == "conll"


def test_a_sentence_with_its_tags_among_tokens_is_an_error(tmp_path):
    with pytest.raises(
        InputError, match="a tag for each word in one row: 'Brno to Ulm', 'B-PLACE O B-PLACE'"
    ):
        read_all(
            tmp_path, "a.tsv", "Ulm\tB-PLACE\nby train\tO\nBrno to Ulm\tB-PLACE O B-PLACE\nBrno\tB-PLACE\n"
        )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("B-PLACE O B-PLACE", False),
        ("PER-B O", False),
        ("B-work of art", True),
        ("B-O", True),
        ("art of-B", True),
    ],
)
def test_several_tags_are_no_tag(cell, expected):
    assert is_tag(cell) == expected


def test_a_small_o_behind_a_slash(aligner, tmp_path):
    """MSRA's own files."""
    found, records = read_all(
        tmp_path, "train1.txt", "当/o 中国/ns 和/o 邓小平/nr 在/o\n我们/o 变/o\n", lang="zh"
    )
    assert (found, entities_of(aligner, records)) == ("slash-tags", [("中国", "ns"), ("邓小平", "nr")])


@pytest.mark.parametrize("between", [",", "\t"])
def test_a_tag_for_each_character_of_a_text(tmp_path, between):
    """As in the tables of Chinese competitions: the spaces of a text have tags too."""
    rows = [
        ("id", "text", "BIO_anno", "class"),
        ("0", "交行，14 年 用", "B-BANK I-BANK O O O O O O O", "1"),
        ("1", "好卡", "O O", "0"),
        ("2", "用 OK Card", "O O B-PRODUCT I-PRODUCT I-PRODUCT I-PRODUCT I-PRODUCT I-PRODUCT I-PRODUCT", "0"),
    ]
    name, records = read_all(tmp_path, "train.csv", "".join(between.join(row) + "\n" for row in rows))
    assert name == "tag-table"
    assert [record.meta["id"] for record in records] == ["0", "1", "2"]
    assert [surfaces(record) for record in records] == [[("交行", "BANK")], [], [("OK Card", "PRODUCT")]]
    assert ["".join(a + " " * b for a, b in zip(r.tokens, r.spaces, strict=True)) for r in records] == [
        "交行，14 年 用",
        "好卡",
        "用 OK Card",
    ]
    rows += [*rows[1:] * 4, ("3", "三个字", "O O", "1")]
    content = "".join(between.join(row) + "\n" for row in rows)
    with pytest.raises(InputError, match=r"train.csv:17: column 'BIO_anno': 1 words but 2 tags"):
        read_all(tmp_path, "train.csv", content)
