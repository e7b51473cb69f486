"""Texts cut into an encoder's own pieces."""

from __future__ import annotations

import copy
import pickle
import shutil

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

import tiny
from cloudner.errors import ConfigError, InputError
from cloudner.pieces.gold import gold_tags
from cloudner.pieces.scheme import MISSING, TagScheme

TEXTS = [
    "王小明在北京大学工作。",
    "",
    " ",
    "  Marie \n\n Curie in\tParis ",
    "a\x01b, ﬁn São Paulo①",
    "東京都の知事は京都を訪れた。 <s>",
]


def blank(encoder, language: str = "zh"):
    tokenizer = {"@tokenizers": "cloudner.EncoderPieces.v1", "encoder": str(encoder)}
    return spacy.blank(language, config={"nlp": {"tokenizer": tokenizer}})


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_the_text_stays_and_pieces_are_tokens(encoder_folder, family):
    folder = encoder_folder(family)
    nlp = blank(folder)
    for text in [*TEXTS, *tiny.TEXT]:
        doc = nlp.make_doc(text)
        assert doc.text == text
        assert not [t.text for t in doc if len(t.text) > 1 and any(c.isspace() for c in t.text)]
    long = "王小明在北京大学工作。" * 400  # beyond what a tokenizer.json may truncate at
    assert len(nlp.make_doc(long)) == 400 * len(nlp.make_doc(long[:11]))


def test_tokens_end_where_the_encoders_pieces_do(encoder_folder):
    from tokenizers import Tokenizer

    folder = encoder_folder("xlm-roberta")
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    nlp = blank(folder)
    for text in tiny.TEXT:
        offsets = made.encode(text, add_special_tokens=False).offsets
        ends = {end for _, end in offsets if not text[end - 1].isspace()}  # a mark of its own before a word
        assert ends <= {token.idx + len(token) for token in nlp.make_doc(text)}


def test_a_saved_tokenizer_needs_no_encoder(encoder_folder, tmp_path):
    nlp = blank(encoder_folder("xlm-roberta"))
    words = [token.text for token in nlp.make_doc(tiny.TEXT[8])]
    nlp.to_disk(tmp_path / "nlp")
    config = (tmp_path / "nlp" / "config.cfg").read_text(encoding="utf-8")
    (tmp_path / "nlp" / "config.cfg").write_text(
        config.replace(str(encoder_folder("xlm-roberta")), "no/encoder"), encoding="utf-8"
    )
    others = [
        spacy.load(tmp_path / "nlp").tokenizer,
        blank("no/encoder").from_bytes(nlp.to_bytes()).tokenizer,
        pickle.loads(pickle.dumps(nlp.tokenizer)),  # noqa: S301
        copy.deepcopy(nlp.tokenizer),
    ]
    assert [[token.text for token in other(tiny.TEXT[8])] for other in others] == [words] * 4


def test_an_encoder_that_cannot_be_had_is_one_error(tmp_path):
    with pytest.raises(ConfigError):
        blank("no/encoder").make_doc("text")
    with pytest.raises(ConfigError, match="no folder"):
        blank("./nothing").make_doc("text")


def test_an_entity_within_a_piece_is_not_taught(encoder_folder):
    """Gold of single characters, on pieces of several: what does not end where they do is missing, not O."""
    nlp = blank(encoder_folder("xlm-roberta"), "en")
    text = "Marie Curie moved from Warsaw"
    predicted = nlp.make_doc(text)
    reference = Doc(
        nlp.vocab,
        words=list(text.replace(" ", "")),
        spaces=[text[i + 1 : i + 2] == " " for i in range(len(text)) if text[i] != " "],
    )
    assert reference.text == text
    first = next(token for token in predicted if len(token.text) > 1)
    inside = reference.char_span(first.idx + 1, first.idx + len(first.text), label="PER")
    reference.set_ents([inside], default="outside")
    tags = gold_tags([Example(predicted, reference)], TagScheme(["PER"], "BIO")).tolist()
    assert tags[first.i] == MISSING
    assert {tag for i, tag in enumerate(tags) if i != first.i} == {0}


def test_a_pipeline_learns_on_pieces_and_is_scored_on_characters(encoder_folder, tmp_path):
    folder = encoder_folder("xlm-roberta")
    nlp = blank(folder, "en")
    nlp.add_pipe("cloudner", config=tiny.settings(folder))
    tiny.start(nlp)
    tiny.overfit(nlp)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    examples = []
    for text, entities in tiny.DATA:
        solid = [i for i, letter in enumerate(text) if letter != " "]
        gold = Doc(loaded.vocab, [text[i] for i in solid], [text[i + 1 : i + 2] == " " for i in solid])
        gold.set_ents(
            [gold.char_span(*entity[:2], label=entity[2]) for entity in entities], default="outside"
        )
        examples.append(Example(loaded.make_doc(text), gold))
    assert loaded.evaluate(examples)["ents_f"] == 1.0


@pytest.mark.parametrize("text", ["{", "[]", '{"model": 1}'])
def test_a_damaged_tokenizer_is_one_error(text):
    nlp = spacy.blank(
        "xx", config={"nlp": {"tokenizer": {"@tokenizers": "cloudner.EncoderPieces.v1", "encoder": "e"}}}
    )
    nlp.tokenizer.from_bytes(text.encode())
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        nlp("Marie Curie")


def test_an_encoder_without_a_tokenizer_is_one_error(bert, tmp_path):
    """transformers 5 makes a tokenizer that knows no word."""
    folder = shutil.copytree(bert, tmp_path / "encoder", ignore=shutil.ignore_patterns("*token*"))
    with pytest.raises(ConfigError, match=r"the tokenizer of the encoder .* cannot be had: ") as caught:
        blank(folder)("Marie Curie")
    assert "\n" not in str(caught.value)
