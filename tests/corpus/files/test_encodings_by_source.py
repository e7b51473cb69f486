"""Text encodings: guessed with the words to see it by, or given for each source."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.encoding import guess_encoding
from cloudner.errors import InputError
from corpus.converting import converted
from corpus.reading import put

WESTERN = [
    "It cost £250 © 2020, 4 × 5 ± 2 cm at 30°",
    "Él dijo: ¿Qué? Ávila, Óscar y el Niño",
    "ÁVILA Y ÓSCAR EN ESPAÑA",
    "MUÑOZ, JOSÉ",
    "© 2019 Acme",
    "2 × 3 = 6",
    "5 ± 2 mm",
    "Århus, Ærø",
    "São João, avô",
    "Où est l’hôtel ? Ça va, Noël",
]
OTHERS = [
    ("cp1250", "Zażółć gęślą jaźń. Łódź i Wrocław"),
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ("cp1251", "Мария Лопес живёт в Берлине"),
    ("cp1254", "İstanbul'da şöyle güzel çiçek ağaç ışık"),
    ("cp1253", "Η Μαρία μένει στην Αθήνα"),
]


@pytest.mark.parametrize("text", WESTERN)
def test_signs_and_capitals_of_excel_are_western(text):
    raw = f"text,entities\n{text},[]\n".encode("cp1252")
    assert guess_encoding(raw) == "cp1252"


@pytest.mark.parametrize(("name", "text"), OTHERS)
def test_other_code_pages_are_not_taken_for_western(name, text):
    raw = ("text,entities\n" + f"{text},[]\n" * 3).encode(name)
    assert guess_encoding(raw) != "cp1252"


def test_three_decoded_words_are_shown(tmp_path):
    content = 'text,entities\n"Müller, Jörg: in Köln am Rhein, fünf",[]\n'.encode("cp1252")
    report, _ = converted(tmp_path, "a.csv", content)
    assert report.detected[0][2].endswith("its encoding is taken for cp1252: Müller, Jörg, Köln")


def test_an_encoding_for_each_source(tmp_path):
    sources = [
        str(put(tmp_path, "new/a.csv", "text,entities\nŁódź,[]\n".encode())),
        str(put(tmp_path, "old/b.csv", "text,entities\nŁódź,[]\n".encode("cp1250"))),
        str(put(tmp_path, "old/c.csv", "text,entities\nМария,[]\n".encode("koi8-r"))),
    ]
    convert(sources, tmp_path / "out.jsonl", encoding=["c.csv=koi8-r", "*/old/*=cp1250"])
    texts = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert texts.count("Łódź") == 2
    assert texts.count("Мария") == 1


def test_an_encoding_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match=r"no text encoding is called 'latin-99'.*PATTERN=NAME"):
        converted(tmp_path, "a.csv", "text,entities\na,[]\n", encoding=["*.csv=latin-99"])


def test_damaged_utf8_is_not_advised_to_be_another_encoding(tmp_path):
    good = "text,entities\n" + "Müller wohnt in Köln,[]\n" * 20
    path = put(tmp_path, "a.csv", good.encode() + b"M\xfcller,[]\n")
    with pytest.raises(InputError, match="the byte 0xfc is not utf-8") as error:
        convert(str(path), tmp_path / "out.spacy")
    assert error.value.line == 22
    assert "cp1252" not in str(error.value)
    assert "look at line 22" in str(error.value)


OF_LANGUAGES = [
    ("ru", "cp1251", "Президент России Путин посетил вчера Москву и встретился с министром ."),
    ("ru", "koi8_r", "Президент России Путин посетил вчера Москву и встретился с министром ."),
    ("uk", "cp1251", "Президент України прибув до Києва , їхній з'їзд відбудеться у Львові ."),
    ("pl", "cp1250", "Według źródeł w Łodzi umowa została już podpisana , spotkał się ."),
    ("pl", "iso8859_2", "Według źródeł w Łodzi umowa została już podpisana , spotkał się ."),
    ("cs", "iso8859_2", "Předseda vlády Václav Novák přijel včera do Brna , kde se setkal s ředitelem ."),
    ("hu", "iso8859_2", "A bank elnöke szerint az infláció csökkenni fog , a főpolgármester Győrben járt ."),
    ("tr", "cp1254", "Başbakan Ahmet Yılmaz dün Ankara'da yapılan toplantıda görüştü ."),
    ("lt", "cp1257", "Prezidentas susitiko su Prancūzijos užsienio reikalų ministru , žodžiais sutartis ."),
    ("el", "iso8859_7", "Ο πρωθυπουργός συναντήθηκε χθες στην Αθήνα με τον υπουργό Εξωτερικών ."),
    ("he", "cp1255", "ראש הממשלה נפגש אתמול בירושלים עם שר החוץ ."),
    ("ar", "cp1256", "التقى الرئيس المصري أمس في القاهرة وزير الخارجية الفرنسي ."),
]


@pytest.mark.parametrize(("lang", "name", "text"), OF_LANGUAGES)
def test_columns_in_an_older_encoding_of_the_language(tmp_path, lang, name, text):
    rows = "".join(f"{word}\t{'B-X' if word.istitle() else 'O'}\n" for word in text.split()) + "\n"
    _, docs = converted(tmp_path, "a.conll", (rows * 2).encode(name), lang=lang)
    assert [[token.text for token in doc] for doc in docs] == [text.split()] * 2


def test_accents_of_western_words_are_no_letters_of_another_script(tmp_path):
    rows = "José B-PER\nvisitó O\nMálaga B-LOC\ny O\nsaludó O\na O\nDoña B-PER\nInês I-PER\n\n"
    for lang in ("en", "es", "ru"):
        _, docs = converted(tmp_path, "a.conll", rows.encode("cp1252"), lang=lang)
        assert [token.text for token in docs[0]][0::2] == ["José", "Málaga", "saludó", "Doña"]


def test_columns_are_recognised_without_the_language():
    rows = (
        "Президент\tB-PER\nРоссии\tB-LOC\nПутин\tB-PER\nпосетил\tO\nвчера\tO\nМоскву\tB-LOC\nвстретился\tO\n"
    )
    assert rows == (rows.encode("cp1251")).decode(guess_encoding(rows.encode("cp1251")) or "ascii")
