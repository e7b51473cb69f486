"""People's Daily (PKU)."""

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.reading import all_surfaces, read_all


def test_peoples_daily(tmp_path):
    content = (
        "19980101-01-001-002/m  中共中央/nt  总书记/n  、/w  国家/n  主席/n  江/nr  泽民/nr  \n\n"
        "19980101-01-001-006/m  在/p  [中国/ns  政府/n]nt  的/u  叶利钦/nr  、/w  克林顿/nr  李/nr  鹏/nr  邓/nr  小平/nr  。/w\n"
        "[国家/n 大/a 剧院/n]/nz 哪/r{na3} [/w 里/f ]/w\n"
    )
    name, records = read_all(tmp_path, "199801.txt", content)
    assert name == "peoples-daily"
    assert records[0].meta == {"id": "19980101-01-001-002"}
    assert [record.text for record in records] == [
        "中共中央总书记、国家主席江泽民",
        "在中国政府的叶利钦、克林顿李鹏邓小平。",
        "国家大剧院哪[里]",
    ]
    report = convert(tmp_path / "199801.txt", tmp_path / "a.spacy")
    docs = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == [
        [("中共中央", "nt"), ("江泽民", "nr")],
        [("中国政府", "nt"), ("叶利钦", "nr"), ("克林顿", "nr"), ("李鹏", "nr"), ("邓小平", "nr")],
        [("国家大剧院", "nz")],
    ]
    assert report.issues == {("nested", "dropped"): 1}
    for bad, found in (("[中国/ns 政府/n 的/u", "is not closed"), ("中国/ns]nt 的/u", "nothing opened")):
        with pytest.raises(InputError, match=rf"a\.txt:2: .*{found}"):
            read_all(tmp_path, "a.txt", content.splitlines()[0] + f"\n{bad}\n")


def test_lac(tmp_path):
    content = "玛丽·居里/PER 1867年/TIME 在/p 华沙/LOC 出生/v ，/w 任职/v 于/p 巴黎大学/ORG 。/w\n"
    name, records = read_all(tmp_path, "a.txt", content)
    assert (name, records[0].text) == ("peoples-daily", "玛丽·居里1867年在华沙出生，任职于巴黎大学。")
    assert all_surfaces(records) == [
        ("玛丽·居里", "PER"),
        ("1867年", "TIME"),
        ("华沙", "LOC"),
        ("巴黎大学", "ORG"),
    ]
