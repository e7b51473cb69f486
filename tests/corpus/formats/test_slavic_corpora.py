"""BSNLP's names, factRuEval-2016 and the Czech Named Entity Corpus, as they are distributed."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import rank
from cloudner.errors import InputError
from corpus.converting import converted, docs_at, entities
from corpus.reading import put

NAMES = "brexit-bg_001\nБориса Джонсън\tБорис Джонсън\tPER\tPER-Boris\nЕС\tЕС\tORG\tORG-EU\n"
RAW = "brexit-bg_001\nbg\n2019-10-01\nhttp://x.bg\nЗа Бориса Джонсън\n\nБориса Джонсън излиза от ЕС. ЕСП.\n"
TXT = "Встреча с послом Италии в миде Грузии\r\n\r\nПо инициативе."
SPANS = "24974 loc_name 17 6 34837 1  # 34837 Италии\n24975 org_descr 26 4 34839 1  # 34839 миде\n24976 loc_name 31 6 34840 1  # 34840 Грузии\n"
OBJECTS = "14972 LocOrg 24974 # Италии\n14973 Org 24975 24976 # миде Грузии\n14974 LocOrg 24976 # Грузии\n"


def read(path, tmp_path, **options):
    report = convert(str(path), tmp_path / "out.spacy", lang="xx", **options)
    return report, docs_at(tmp_path / "out.spacy")


@pytest.mark.parametrize("folder", [True, False])
def test_bsnlp(tmp_path, folder):
    names = put(tmp_path / "in", "annotated/brexit/bg/brexit_bg.txt_file_1.out", NAMES)
    put(tmp_path / "in", "raw/brexit/bg/brexit_bg.txt_file_1.txt", RAW.encode("utf-8-sig"))
    report, docs = read(tmp_path / "in" if folder else names, tmp_path)
    assert entities(docs) == [[("Бориса Джонсън", "PER"), ("Бориса Джонсън", "PER"), ("ЕС", "ORG")]]
    assert docs[0].text == "За Бориса Джонсън\n\nБориса Джонсън излиза от ЕС. ЕСП."
    assert docs[0].user_data["meta"]["id"] == "brexit-bg_001"
    assert report.lost == 0


def test_bsnlp_without_its_text(tmp_path):
    with pytest.raises(InputError, match=r"raw/bg/a\.txt"):
        read(put(tmp_path, "annotated/bg/a.out", NAMES), tmp_path)
    put(tmp_path, "raw/bg/a.txt", "Just a text.\nOf two lines.\n")
    with pytest.raises(InputError, match="its language, date and address"):
        read(tmp_path / "annotated/bg/a.out", tmp_path)


def test_factrueval(tmp_path):
    for suffix, content in ((".txt", TXT), (".spans", SPANS), (".objects", OBJECTS)):
        put(tmp_path / "in", "book_58" + suffix, content.encode())
    report, docs = read(tmp_path / "in", tmp_path, spans="sc")
    assert {(span.text, span.label_) for span in docs[0].spans["sc"]} == {
        ("Италии", "LocOrg"),
        ("миде Грузии", "Org"),
        ("Грузии", "LocOrg"),
    }
    assert docs[0].text == TXT
    assert not report.issues
    (tmp_path / "in/book_58.spans").write_text(SPANS.replace("24976 ", "24999 "), encoding="utf-8")
    with pytest.raises(InputError, match=r"book_58\.objects:2: the span 24976"):
        read(tmp_path / "in/book_58.objects", tmp_path)


def test_cnec(tmp_path):
    content = "Pan <P<pf Jan> <ps Novák>> přijel do <gu Prahy> .\nU <if <gu Brno> &amp; s . r . o .> &lt;tam&gt; .\n"
    report, docs = converted(tmp_path, "train.txt", content, lang="cs", spans="sc")
    assert [doc.text for doc in docs] == ["Pan Jan Novák přijel do Prahy .", "U Brno & s . r . o . <tam> ."]
    assert [{(span.text, span.label_) for span in doc.spans["sc"]} for doc in docs] == [
        {("Jan Novák", "P"), ("Jan", "pf"), ("Novák", "ps"), ("Prahy", "gu")},
        {("Brno & s . r . o .", "if"), ("Brno", "gu")},
    ]
    assert not report.issues


@pytest.mark.parametrize("bad", ["<gu Prahy a .", "Prahy> a ."])
def test_cnec_with_a_bracket_alone(tmp_path, bad):
    with pytest.raises(InputError, match=r"train\.txt:1: .* without its other bracket"):
        converted(tmp_path, "train.txt", bad + "\n<gu Brno> .\n", format="cnec")


@pytest.mark.parametrize("text", ["<img src=x> and <b y>", '{"text": "<gu Brno>"}', "a\t<gu Brno>"])
def test_other_brackets_are_not_cnecs(tmp_path, text):
    found = rank(next(iter(open_sources(str(put(tmp_path, "a.txt", text + "\n"))))).sample())
    assert "cnec" not in {each.format.name for each in found}
