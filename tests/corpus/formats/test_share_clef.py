"""ShARe/CLEF eHealth and SemEval's clinical tasks."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at, entities
from corpus.reading import put, read_all, surfaces

TEXT = "Pain and fever with cough.\n"
BARS = "7-NOTE.txt||Disease_Disorder||C2||20||25\n7-NOTE.txt||Disease_Disorder||CUI-less||0||4||9||14\n"
DASHES = "7-NOTE.text|20-25|C2|no|null|patient|null\n7-NOTE.text|9-14,0-4|CUI-less|yes|no|patient|null\n"


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("7-NOTE.pipe.txt", BARS, "7-NOTE.txt"),
        ("7-NOTE.pipe", DASHES, "7-NOTE.text"),
        ("7-NOTE.pipe", DASHES, "7-NOTE.txt"),
    ],
)
@pytest.mark.parametrize("folder", [True, False])
def test_both_kinds_of_lines(tmp_path, file, content, text, folder):
    put(tmp_path, f"in/{text}", TEXT)
    name, (record,) = read_all(tmp_path / "in", file, content)
    assert name == "share-clef"
    assert (record.text, record.meta) == (TEXT, {"id": "7-NOTE"})
    found = [("Pain and fever", "Disease_Disorder"), ("cough", "Disease_Disorder")]
    assert surfaces(record) == found
    assert [note[2] for note in record.notes] == [
        "Disease_Disorder 'Pain ... fever' (line 2), in 2 parts, made one span"
    ]
    convert(tmp_path / "in" if folder else tmp_path / "in" / file, tmp_path / "out.spacy")
    assert entities(docs_at(tmp_path / "out.spacy")) == [found]


def test_an_empty_file_is_a_text_without_disorders(tmp_path):
    put(tmp_path, "in/7-NOTE.txt", TEXT)
    put(tmp_path, "in/7-NOTE.pipe.txt", "")
    put(tmp_path, "in/8-NOTE.txt", "Fever.\n")
    put(tmp_path, "in/8-NOTE.pipe.txt", "8-NOTE.txt||Disease_Disorder||C2||0||5\n")
    convert(tmp_path / "in", tmp_path / "out.spacy")
    assert entities(docs_at(tmp_path / "out.spacy")) == [[], [("Fever", "Disease_Disorder")]]


def test_what_is_broken_or_not_there_is_one_line(tmp_path):
    put(tmp_path, "8-NOTE.txt", TEXT)
    with pytest.raises(InputError, match=r"the text '7-NOTE.txt' that it names is not beside it"):
        read_all(tmp_path, "8-NOTE.pipe.txt", BARS)
    put(tmp_path, "7-NOTE.txt", TEXT)
    long = BARS * 20_000 + "7-NOTE.txt||Disease_Disorder||C2||20\n"
    with pytest.raises(
        InputError, match=r"7-NOTE.pipe.txt:40001: '7-NOTE.txt\|\|Disease_Disorder\|\|C2\|\|20'"
    ):
        read_all(tmp_path, "7-NOTE.pipe.txt", long)
