"""Annotations in one file and their text in another: i2b2 2010 and ACE 2005."""

import zipfile

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at, entities, issue_texts
from corpus.reading import put

TXT = "Ann  Lee\nhad Chest\tpain .\nNone .\n"
CON = 'c="chest pain" 2:1 2:2||t="problem"\nc="ann lee had" 1:0 2:0||t="x"\nc="nothing" 3:0 3:0||t="test"\n'


def con(folder, content=CON, text="7.txt"):
    put(folder, text, TXT)
    return put(folder, "7.con", content)


def read(path, folder, **options):
    report = convert(str(path), folder / "out.spacy", **options)
    return report, docs_at(folder / "out.spacy")


@pytest.mark.parametrize("text", ["7.txt", "txt/7.txt", "../txt/7.txt"])
def test_concepts(tmp_path, text):
    folder = tmp_path / "concept"
    report, docs = read(con(folder, text=text), tmp_path)
    assert entities(docs) == [[("Ann  Lee\nhad", "x"), ("Chest\tpain", "problem")]]
    assert docs[0].text == TXT
    assert docs[0].user_data["meta"]["id"] == "7"
    # stored in small letters and with one blank; what stands elsewhere is told
    assert report.issues == {("surface-mismatch", "dropped"): 1}


def test_a_folder_and_an_archive_of_pairs(tmp_path):
    """Each text is read once, through its concepts; an empty file of concepts says that there are none."""
    con(tmp_path / "in", 'c="chest pain" 2:1 2:2||t="problem"\n')
    put(tmp_path / "in", "8.txt", "Nobody .\n")
    put(tmp_path / "in", "8.con", "")
    report, docs = read(tmp_path / "in", tmp_path)
    assert entities(docs) == [[("Chest\tpain", "problem")], []]
    assert not report.issues
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(tmp_path / "in/7.con", "7.con")
        archive.write(tmp_path / "in/7.txt", "7.txt")
    report, docs = read(tmp_path / "in.zip", tmp_path)
    assert entities(docs) == [[("Chest\tpain", "problem")]]
    assert not report.issues


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('c="x" 9:0 9:0||t="p"', "word 0 of line 9, which the text has not"),
        ('c="x" 1:0 1:7||t="p"', "word 7 of line 1"),
        ('c="x" 0:0 1:1||t="p"', "word 0 of line 0"),
        ('c="x" 1:0||t="p"', "c="),
    ],
)
def test_a_broken_concept_is_one_line(tmp_path, line, found):
    with pytest.raises(InputError, match=rf"7\.con:2.*{found}"):
        read(con(tmp_path, CON.splitlines()[0] + "\n" + line + "\n"), tmp_path, format="i2b2-concepts")


def test_concepts_without_their_text(tmp_path):
    with pytest.raises(InputError, match=r"there is no 7\.txt beside it"):
        read(put(tmp_path, "7.con", CON), tmp_path)


SGM = "<DOC>\n<DOCID> X.1 </DOCID>\n<BODY>\n<TEXT>\nThe head of AT&amp;T left Oslo today.\n</TEXT>\n</BODY>\n</DOC>\n"
TEXT = "\n X.1 \n\n\nThe head of AT&amp;T left Oslo today.\n\n\n\n"


def mention(kind, label, words, head=None):
    def seq(part):
        shown = part.replace("&", "&amp;")
        counted = part.replace("&", "&amp;")
        start = TEXT.index(counted)
        return f'<charseq START="{start}" END="{start + len(counted) - 1}">{shown}</charseq>'

    inner = f"<extent>{seq(words)}</extent>" + (f"<head>{seq(head)}</head>" if head else "")
    named = f' TYPE="{label}"' if label else ' VAL="2003"'
    return f'<{kind} ID="1"{named}><{kind}_mention ID="2">{inner}</{kind}_mention></{kind}>'


APF = (
    '<?xml version="1.0"?>\n<!DOCTYPE source_file SYSTEM "apf.v5.1.1.dtd">\n'
    '<source_file URI="X.1.sgm" SOURCE="newswire" TYPE="text">\n<document DOCID="X.1">\n'
    + mention("entity", "PER", "The head of AT&T", "head")
    + mention("entity", "LOC", "Oslo", "Oslo")
    + mention("timex2", "", "today")
    + mention("value", "Job-Title", "left")
    + '<relation ID="R" TYPE="ORG-AFF"><relation_mention ID="R1"><extent><charseq START="0" END="3">x</charseq></extent>'
    "</relation_mention></relation></document></source_file>\n"
)


def test_ace(tmp_path):
    put(tmp_path / "in", "X.1.sgm", SGM)
    path = put(tmp_path / "in", "X.1.apf.xml", APF)
    for given in (path, tmp_path / "in"):
        report, docs = read(given, tmp_path)
        assert docs[0].text == TEXT
        assert entities(docs) == [[("The head of AT&amp;T", "PER"), ("left", "Job-Title"), ("Oslo", "LOC"), ("today", "TIMEX2")]]  # fmt: skip
        assert issue_texts(report) == [
            "whole extents of mentions are read; 2 heads left out",
            "1 relations and 0 events left out",
        ]
        assert docs[0].user_data["meta"]["id"] == "X.1"


def test_broken_ace_is_one_line(tmp_path):
    put(tmp_path, "X.1.sgm", SGM)
    with pytest.raises(InputError, match=r"X\.1\.apf\.xml:\d+.*START='9' END='3'"):
        read(put(tmp_path, "X.1.apf.xml", APF.replace('START="0" END="3"', 'START="9" END="3"')), tmp_path)
    (tmp_path / "X.1.sgm").unlink()
    with pytest.raises(InputError, match=r"'X\.1\.sgm' that it names is not beside it"):
        read(put(tmp_path, "X.1.apf.xml", APF), tmp_path)
