"""NKJP's names."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import put, read_all, surfaces

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<teiCorpus xmlns="http://www.tei-c.org/ns/1.0" xmlns:xi="http://www.w3.org/2001/XInclude">\n<xi:include href="NKJP_1M_header.xml"/><TEI><xi:include href="header.xml"/><text><body>\n'
TAIL = "</body></text></TEI></teiCorpus>\n"


def word(number, orth, nps=False):
    near = '<f name="nps"><binary value="true"/></f>' if nps else ""
    lemma = '<f name="interps"><fs type="lex"><f name="base"><string>x</string></f></fs></f>'
    return f'<seg corresp="ann_segmentation.xml#s{number}" xml:id="m{number}"><fs type="morph"><f name="orth"><string>{orth}</string></f>{near}{lemma}</fs></seg>\n'


def named(identity, kind, *targets):
    pointers = "".join(f'<ptr target="{target}"/>' for target in targets)
    return f'<seg xml:id="{identity}"><fs type="named"><f name="type"><symbol value="{kind}"/></f><f name="subtype"><symbol value="x"/></f><f name="orth"><string>y</string></f></fs>{pointers}</seg>\n'


def at(number):
    return f"ann_morphosyntax.xml#m{number}"


WORDS = (
    HEAD
    + (
        '<p xml:id="morph_1-p"><s xml:id="morph_1.1-s">\n'
        + word(1, "Jan")
        + word(2, "Nowak")
        + word(3, "śpi")
        + word(4, ".", nps=True)
        + "</s><s>\n"
        + word(5, "Nie")
        + word(6, ".", nps=True)
        + "</s></p>\n<p><s>\n"
        + word(7, "Łódź")
        + "</s></p>\n"
    )
    + TAIL
)
NAMES = (
    HEAD
    + (
        '<p xml:id="named_1-p"><s xml:id="named_1.1-s" corresp="ann_morphosyntax.xml#morph_1.1-s">\n'
        + named("n1", "persName", "n2", "n3")
        + named("n2", "forename", at(1))
        + named("n3", "surname", at(2))
        + "</s></p><p><s>\n"
        + named("n4", "placeName", at(7))
        + "</s></p>\n"
    )
    + TAIL
)


def test_names_of_words_and_of_names(tmp_path):
    put(tmp_path, "ann_morphosyntax.xml", WORDS)
    name, (first, second) = read_all(tmp_path, "ann_named.xml", NAMES)
    assert name == "nkjp"
    assert (first.text, first.sent_starts) == ("Jan Nowak śpi. Nie.", [0, 4])
    assert first.meta == {"id": "morph_1-p"}
    assert surfaces(first) == [("Jan Nowak", "persName"), ("Jan", "forename"), ("Nowak", "surname")]
    assert surfaces(second) == [("Łódź", "placeName")]
    _, docs = converted(tmp_path, "ann_named.xml", NAMES)
    assert entities(docs) == [[("Jan Nowak", "persName")], [("Łódź", "placeName")]]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            at(7),
            at(8),
            r"ann_named.xml:9: <seg xml:id='n4'>: the word 'm8', which .*morphosyntax.xml has not",
        ),
        (f'<ptr target="{at(7)}"/>', "", r"ann_named.xml:9: <seg xml:id='n4'>: no word or no type"),
        (at(1), "n1", r"names that point at one another"),
    ],
)
def test_broken_names_are_one_line(tmp_path, old, new, error):
    put(tmp_path, "ann_morphosyntax.xml", WORDS)
    with pytest.raises(InputError, match=error):
        read_all(tmp_path, "ann_named.xml", NAMES.replace(old, new))


def test_the_words_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"'ann_morphosyntax.xml' that it names is not beside it"):
        read_all(tmp_path, "ann_named.xml", NAMES)
