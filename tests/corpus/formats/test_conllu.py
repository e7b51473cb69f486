"""CoNLL-U with entities in MISC or in a column."""

import pytest

from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import detected, read, read_all, surfaces
from corpus.samples.text import CONLLU


def test_conllu_keeps_the_text(tmp_path):
    (record,) = read(tmp_path, formats()["conllu"], CONLLU)
    assert record.tokens == ["Ann", "Lee", "no", "va", "al", "Prado", "."]
    assert record.spaces == [True, True, True, True, True, False, True]
    assert record.meta["newdoc id"] == "weblog-1"


def test_conllu_agrees_with_the_conllu_library(tmp_path):
    conllu = pytest.importorskip("conllu")
    (sentence,) = conllu.parse(CONLLU)
    (record,) = read(tmp_path, formats()["conllu"], CONLLU)
    words = [token["form"] for token in sentence if isinstance(token["id"], int)]
    assert [w for w in words if w not in ("a", "el")] == [t for t in record.tokens if t != "al"]
    text = "".join(t + " " * s for t, s in zip(record.tokens, record.spaces, strict=True)).strip()
    assert text == sentence.metadata["text"]


@pytest.mark.parametrize(
    "misc",
    [
        ("NE=B-PER", "NE=O"),
        ("name=B-PER", "SpaceAfter=No name=O"),  # ltgoslo/norne#7, parted by a space
        ("NER=B-PER", "_"),
        ("B-PER", "O"),  # explosion/spaCy#4715: the tag alone
        ("SpaceAfter=No|Tag=B-PER", "Tag=O"),
        ("Gloss=x|Entity=PER", "Entity=O"),
    ],
)
def test_conllu_misc(tmp_path, misc):
    content = "".join(
        f"{i}\t{form}\t_\tX\t_\t_\t0\t_\t_\t{m}\n"
        for i, (form, m) in enumerate(zip(("Ann", "left"), misc, strict=True), 1)
    )
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert surfaces(record) == [("Ann", "PER")]
    assert record.tags[1] == "O"
    assert detected(tmp_path, content) == "conllu"


def test_conllu_word_without_tag_among_tagged_ones_is_missing(tmp_path):
    content = "1\tAnn\t_\tX\t_\t_\t0\t_\t_\tNE=B-PER\n2\tsaw\t_\tX\t_\t_\t0\t_\t_\tNE=O\n3\tit\t_\tX\t_\t_\t0\t_\t_\t_\n"
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert record.tags == ["B-PER", "O", None]


def test_conllu_column(tmp_path):
    head = "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC UNER:NER\n"
    rows = "1\tAnn" + "\t_" * 8 + "\tB-PER\n2\tleft" + "\t_" * 8 + "\tO\n"
    for content in (head + rows, rows):
        assert detected(tmp_path, content) == "conllu"
        assert surfaces(read(tmp_path, formats()["conllu"], content)[0]) == [("Ann", "PER")]


def test_conllu_multiword_token_takes_the_entity_of_its_words(tmp_path):
    content = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\t_\tX\t_\t_\t0\t_\t_\tNE=O\n2\tle\t_\tX\t_\t_\t0\t_\t_\tNE=B-LOC\n3\tLouvre\t_\tX\t_\t_\t0\t_\t_\tNE=I-LOC\n"
    (record,) = read(tmp_path, formats()["conllu"], content)
    assert surfaces(record) == [("du Louvre", "LOC")]
    assert record.notes == [("misaligned", "changed", "B-LOC of the word 'le' given to the whole of 'du'")]


def test_brackets_of_coreference_are_told(tmp_path):
    content = "1\tAnn" + "\t_" * 7 + "\tEntity=(1-person)\n\n"
    with pytest.raises(InputError, match="CorefUD"):
        read_all(tmp_path, "a.conllu", content)
