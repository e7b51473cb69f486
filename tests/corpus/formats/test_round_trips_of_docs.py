"""What spaCy's documents have and records of other tools have not: tokens of white space, ids of any kind."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from cloudner.corpus.convert.convert import convert
from corpus.converting import docs_at, entities, missing

WORDS = ["Ann", "\u00a0", "met", "Bob", "\u00a0", "Lee", "\n", "Zoe", "\u3000", "x"]
SPACES = [False, False, True, False, False, True, False, False, False, False]


@pytest.fixture
def corpus(tmp_path):
    doc = Doc(spacy.blank("xx").vocab, words=WORDS, spaces=SPACES)
    doc.set_ents([Span(doc, 0, 1, "PER"), Span(doc, 3, 6, "PER")], missing=[doc[7:8]], default="outside")
    doc.user_data["meta"] = {"id": "k/1"}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "in.spacy")
    return tmp_path / "in.spacy"


@pytest.mark.parametrize(
    ("name", "extension"), [("conllu", ".conllu"), ("token-table", ".csv"), ("opennlp", ".train")]
)
def test_white_space_is_no_word(corpus, tmp_path, name, extension):
    """It could not be read again where it was in an entity, and words on both sides of it ran together."""
    if name == "opennlp":  # it has no sign for what is not annotated
        (doc,) = docs_at(corpus)
        doc.set_ents(list(doc.ents), default="outside")
        DocBin(docs=[doc], store_user_data=True).to_disk(corpus)
    convert(corpus, tmp_path / f"out{extension}", to=name)
    convert(tmp_path / f"out{extension}", tmp_path / "back.spacy", format=name)
    docs = docs_at(tmp_path / "back.spacy")
    assert [doc.text.rstrip() for doc in docs] == ["Ann met Bob Lee Zoe x"]
    assert entities(docs) == [[("Ann", "PER"), ("Bob Lee", "PER")]]
    assert missing(docs) == [0 if name == "opennlp" else 1]


@pytest.mark.parametrize(
    ("name", "extension"), [("conllu", ".conllu"), ("parquet", ".parquet"), ("hf-jsonl", ".jsonl")]
)
def test_the_id_comes_back(corpus, tmp_path, name, extension):
    convert(corpus, tmp_path / f"out{extension}", to=name)
    convert(tmp_path / f"out{extension}", tmp_path / "back.spacy", format=name)
    assert [doc.user_data["meta"]["id"] for doc in docs_at(tmp_path / "back.spacy")] == ["k/1"]


@pytest.mark.parametrize(("name", "extension"), [("parquet", ".parquet"), ("hf-jsonl", ".jsonl")])
def test_rows_have_ids_of_their_own(tmp_path, name, extension):
    """Documents of a `.spacy` file may share one, as parts of a longer text do; as rows they could not be read again."""
    docs = []
    for word in ("Ann", "Bob"):
        doc = Doc(spacy.blank("xx").vocab, words=[word, "left"])
        doc.set_ents([Span(doc, 0, 1, "PER")])
        doc.user_data["meta"] = {"id": "k"}
        docs.append(doc)
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "in.spacy")
    convert(tmp_path / "in.spacy", tmp_path / f"out{extension}", to=name)
    convert(tmp_path / f"out{extension}", tmp_path / "back.spacy", format=name)
    assert [doc.user_data["meta"]["id"] for doc in docs_at(tmp_path / "back.spacy")] == ["k", "k-1"]
