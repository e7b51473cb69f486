"""Annotations in one file and their text in another: i2b2 2010, ACE 2005, CHEMDNER and BC2GM."""

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


MENTIONS = "11\tT\t0\t6\tAceton\tTRIVIAL\n11\tA\t7\t10\tCO2\tFORMULA\n11\tA\t0\t3\tCO2\tFORMULA\n"
ABSTRACTS = "11\tAceton in air\tCO2 or CO2.\n12\tNone\tNone.\n"


def test_chemdner(tmp_path):
    put(tmp_path / "in", "training.abstracts.txt", ABSTRACTS)
    path = put(tmp_path / "in", "training.annotations.txt", MENTIONS)
    for given in (path, tmp_path / "in"):
        report, docs = read(given, tmp_path)
        assert [doc.text for doc in docs] == ["Aceton in air\nCO2 or CO2.", "None\nNone."]
        assert entities(docs) == [[("Aceton", "TRIVIAL"), ("CO2", "FORMULA"), ("CO2", "FORMULA")], []]
        assert [doc.user_data["meta"]["id"] for doc in docs] == ["11", "12"]
        assert not report.issues


@pytest.mark.parametrize(
    ("mentions", "abstracts", "found"),
    [
        (MENTIONS + "12\tT\tx\n", ABSTRACTS, r"annotations.txt:4: '12\\tT\\tx'; expected ID, T or A"),
        (MENTIONS + "13\tT\t0\t1\tx\ty\n", ABSTRACTS, "annotations of '13', which is not in training.abstracts.txt"),
        (MENTIONS, "11\tAceton in air\n", r"abstracts.txt:1: 2 cells in a line"),
        (MENTIONS, None, "the text 'training.abstracts.txt' that it names is not beside it"),
    ],
)  # fmt: skip
def test_broken_chemdner_is_one_line(tmp_path, mentions, abstracts, found):
    if abstracts is not None:
        put(tmp_path, "training.abstracts.txt", abstracts)
    with pytest.raises(InputError, match=found):
        read(put(tmp_path, "training.annotations.txt", mentions), tmp_path, format="chemdner")


GENES = "P1T0|14 33|alkaline phosphatases\nP1T0|37 51|5-nucleotidases\n"
SENTENCES = "P1T0 Comparison with alkaline phosphatases and 5-nucleotidases\nP2A1 None here.\n"


def test_bc2gm(tmp_path):
    put(tmp_path / "in", "train.in", SENTENCES)
    path = put(tmp_path / "in", "GENE.eval", GENES)
    put(tmp_path / "in", "ALTGENE.eval", "P1T0|22 33|phosphatases\n")
    for given in (path, tmp_path / "in"):
        report, docs = read(given, tmp_path)
        assert entities(docs) == [[("alkaline phosphatases", "GENE"), ("5-nucleotidases", "GENE")], []]
        assert docs[0].user_data["meta"]["id"] == "P1T0"
    # what is right too is told, and read by its name alone
    assert report.issues == {("not-a-document", "noted"): 1}


@pytest.mark.parametrize(
    ("genes", "found"),
    [
        ("P1T0|14 99|x\n", "P1T0: 'x' at 14 to 99 of 52 characters"),
        ("P1T0|14 x|x\n", r"GENE.eval:1: 'P1T0|14 x|x'; expected ID"),
        ("P9|0 1|x\n", "mentions in 'P9', which train.in has not"),
    ],
)
def test_broken_bc2gm_is_one_line(tmp_path, genes, found):
    put(tmp_path, "train.in", SENTENCES)
    with pytest.raises(InputError, match=found.replace("|", r"\|")):
        read(put(tmp_path, "GENE.eval", genes), tmp_path, format="bc2gm")


def test_bc2gm_without_its_sentences_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no file of its sentences is beside it"):
        read(put(tmp_path, "GENE.eval", GENES), tmp_path)
