"""Public corpora with elements around their entities, as they are distributed."""

import pytest

from corpus.converting import converted, entities

SIGHAN = """<?xml version="1.0" encoding="GB18030"?>
<DOC>
<SENTENCE>
<w>我们</w>
<w>在</w><NAMEX TYPE="LOCATION"><w>中国</w></NAMEX>
<TIMEX TYPE="DATE"><w>1998年</w></TIMEX>
</SENTENCE>
</DOC>
"""
HAREM = """<?xml version="1.0" encoding="UTF-8"?>
<colHAREM versao="Segundo">
<DOC DOCID="hub-1">
<P>Crise na <EM ID="1" CATEG="LOCAL">Argentina</EM> e <ALT><EM ID="2" CATEG="ORGANIZACAO">Banco de Lisboa</EM>|<EM ID="3" \
CATEG="LOCAL">Lisboa</EM></ALT>. <OMITIDO>(fim)</OMITIDO></P>
</DOC>
</colHAREM>
"""
GENIA = """<?xml version="1.0" encoding="UTF-8"?>
<set><article><articleinfo><bibliomisc>MEDLINE:95369245</bibliomisc></articleinfo><title><sentence>The <cons sem="G#DNA">IL-2 gene</cons> \
is here.</sentence></title></article></set>
"""


def test_words_of_chinese_that_line_ends_part_have_no_space_between(tmp_path):
    _, docs = converted(tmp_path, "msra.xml", SIGHAN.encode("gb18030"), lang="zh")
    assert [doc.text for doc in docs] == ["我们在中国1998年"]
    assert entities(docs) == [[("中国", "LOCATION"), ("1998年", "DATE")]]


def test_harems_alt_and_omitido_are_no_entities(tmp_path):
    _, docs = converted(tmp_path, "CDSegundoHAREM.xml", HAREM)
    assert entities(docs) == [[("Argentina", "LOCAL"), ("Banco de Lisboa", "ORGANIZACAO")]]
    assert docs[0].text == "Crise na Argentina e Banco de Lisboa. (fim)"


def test_ruby_is_no_entity_and_an_articles_number_no_text(tmp_path):
    ruby = '<doc><s><Person>山田</Person>へ<ruby rubyText="い">行</ruby>った。</s></doc>\n'
    assert entities(converted(tmp_path, "a.xml", ruby, lang="zh")[1]) == [[("山田", "Person")]]
    _, docs = converted(tmp_path, "GENIA.xml", GENIA)
    assert [doc.text for doc in docs] == ["The IL-2 gene is here."]


def test_spaces_within_elements_that_have_such_outside_are_none_of_the_text(tmp_path):
    quaero = (
        "<pers.ind> <name.first> Jean </name.first> <name.last> Dupont </name.last> </pers.ind> est à"
        " <loc.adm.town> <name> Paris </name> </loc.adm.town> .\nbonjour\n"
    )
    report, docs = converted(tmp_path, "q.ne", quaero, spans="sc")
    assert [doc.text for doc in docs] == ["Jean Dupont est à Paris .", "bonjour"]
    assert {(span.text, span.label_) for span in docs[0].spans["sc"]} == {
        ("Jean Dupont", "pers.ind"),
        ("Jean", "name.first"),
        ("Dupont", "name.last"),
        ("Paris", "loc.adm.town"),
        ("Paris", "name"),
    }
    assert not report.issues


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bars_between_thai_words_are_no_text(tmp_path, end):
    best = f"<NE>นาย|สมชาย</NE>|ไป|<NE>กรุงเทพ</NE>| |<AB>พ.ศ.</AB>|2549|{end}เขา|ทำ|{end}"
    report, docs = converted(tmp_path, "news_00001.txt", best, lang="xx")
    assert [[token.text for token in doc] for doc in docs] == [
        ["นาย", "สมชาย", "ไป", "กรุงเทพ", " ", "พ.ศ.", "2549"],
        ["เขา", "ทำ"],
    ]
    assert entities(docs) == [[("นายสมชาย", "NE"), ("กรุงเทพ", "NE"), ("พ.ศ.", "AB")], []]
    assert docs[0].text == "นายสมชายไปกรุงเทพ พ.ศ.2549"
    assert not report.issues


def test_turkish_marks_of_begin_and_end_are_elements(tmp_path):
    content = (
        '<b_enamex TYPE="PERSON">Ahmet Kaya<e_enamex> dün geldi\n<b_timex TYPE="DATE">1998<e_timex> yılında\n'
    )
    _, docs = converted(tmp_path, "train.txt", content.encode("iso-8859-9"), lang="tr", encoding="iso-8859-9")
    assert entities(docs) == [[("Ahmet Kaya", "PERSON")], [("1998", "DATE")]]
    assert docs[0].text == "Ahmet Kaya dün geldi"


def test_braces_without_words_are_told(tmp_path):
    report, docs = converted(tmp_path, "origndata.txt", "在{{location:}}的{{person_name: 李明}}\n", lang="zh")
    assert entities(docs) == [[("李明", "person_name")]]
    assert report.issues["empty", "dropped"] == 1
