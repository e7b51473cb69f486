"""Tables with a span a row whose texts are files."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at, entities
from corpus.reading import put, read_all, surfaces

TEXT = "Ann Lee left Oslo.\n"
FOUND = [("Ann Lee", "PER"), ("Oslo", "LOC")]
LIVING = "filename\tmark\tlabel\toff0\toff1\tspan\nes-S1\tT2\tLOC\t13\t17\tOslo\nes-S1\tT1\tPER\t0\t7\tAnn Lee\nes-S2\tT1\tPER\t0\t3\tBob\n"
PROF = "tweet_id\tbegin\tend\ttype\textraction\nes-S1\t13\t17\tLOC\tOslo\nes-S1\t0\t7\tPER\tAnn Lee\nes-S2\t0\t3\tPER\tBob\n"
NAMED = LIVING.replace("\t", ",").replace("es-S1,", "es-S1.txt,").replace("es-S2,", "es-S2.txt,")


@pytest.mark.parametrize("content", [LIVING, PROF, NAMED])
@pytest.mark.parametrize("folder", ["", "txt/", "text-files/"])
def test_texts_in_files(tmp_path, content, folder):
    put(tmp_path, f"in/{folder}es-S1.txt", TEXT)
    put(tmp_path, f"in/{folder}es-S2.txt", "Bob.")
    name, (first, second) = read_all(tmp_path / "in", "train.tsv", content)
    assert name == "span-files"
    assert (first.text, first.meta, surfaces(first)) == (TEXT, {"id": "es-S1"}, FOUND)
    assert surfaces(second) == [("Bob", "PER")]
    convert(tmp_path / "in", tmp_path / "out.spacy")
    assert entities(docs_at(tmp_path / "out.spacy")) == [FOUND, [("Bob", "PER")]]


def test_what_is_broken_or_not_there_is_one_line(tmp_path):
    put(tmp_path, "es-S1.txt", TEXT)
    with pytest.raises(InputError, match=r"train.tsv: the text 'es-S2.txt' that it names is not beside it"):
        read_all(tmp_path, "train.tsv", LIVING)
    many = LIVING + LIVING.split("\n", 1)[1] * 10
    with pytest.raises(InputError, match=r"train.tsv:35: row: the offset 'x' is not a number"):
        read_all(tmp_path, "train.tsv", many + "es-S1\tT1\tPER\tx\t3\tAnn\n")
    with pytest.raises(InputError, match=r"train.tsv:35: a row of 3 cells under a header of 6"):
        read_all(tmp_path, "train.tsv", many + "es-S1\tT1\tPER\n")
