"""Word pieces of tokens, whatever the text and the tokenizer."""

from __future__ import annotations

import json

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

import tiny
from cloudner.encoders.words import MAX_PIECES_PER_TOKEN
from cloudner.pieces.tokenizer import PieceTokenizer, case_class
from cloudner.pieces.words import ragged_indices


@pytest.fixture(scope="module", params=tiny.TOKENIZER_KINDS)
def tokenizer(request) -> PieceTokenizer:
    return tiny.piece_tokenizer(request.param)


VOCAB = spacy.blank("xx").vocab

# Words as random Unicode makes them, and the characters that break tokenizers.
HARD = ["\u200d", "\u200b", "\ufeff", "\u00ad", "👩‍👩‍👧‍👦", "🇫🇷", "e\u0301", "İ", "ß", "ﷺ", "\x00", "\x1f", "שלום", "مرحبا",
        "\ud7ff", "𝔘", "\u2028", "\n\n", " ", "\t", "[CLS]", "<s>", "</s>", "[UNK]", "▁", "Ġ", "##ing", "\u202e", "１２", "不"]  # fmt: skip
words = st.one_of(
    st.sampled_from(HARD),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
)


@given(tokens=st.lists(st.tuples(words, st.booleans()), min_size=0, max_size=12))
@settings(max_examples=30, deadline=None)
def test_every_solid_token_has_pieces_of_its_own(tokenizer, tokens):
    doc = Doc(VOCAB, words=[w for w, _ in tokens], spaces=[s for _, s in tokens])
    (pieces,) = tokenizer.encode([doc])
    assert len(pieces.counts) == len(pieces.cases) == len(doc)
    assert pieces.counts.sum() == len(pieces.ids)
    for token, count in zip(doc, pieces.counts.tolist(), strict=True):
        assert (count == 0) == token.is_space, repr(token.text)
        assert count <= MAX_PIECES_PER_TOKEN
    # What a batch gives is what each document gives alone.
    together = tokenizer.encode([doc, Doc(VOCAB), doc])
    assert [len(p.ids) for p in together] == [len(pieces.ids), 0, len(pieces.ids)]
    np.testing.assert_array_equal(together[2].ids, pieces.ids)


def test_no_documents_and_empty_documents(tokenizer):
    assert tokenizer.encode([]) == []
    empty = tokenizer.encode([Doc(VOCAB), Doc(VOCAB)])
    assert [len(p.ids) for p in empty] == [0, 0]


def test_a_token_that_gives_no_piece_is_one_unknown_piece(tokenizer):
    doc = Doc(VOCAB, words=["Paris", "\x00", "\u200b", "Lyon"])
    (pieces,) = tokenizer.encode([doc])
    assert (pieces.counts > 0).all()
    unknown = [[tokenizer.special["unk"]]]
    nothing = [token.i for token in doc if tokenizer.words.encode([token.text]) == unknown]
    assert (pieces.counts[nothing] == 1).all()
    firsts = np.cumsum(pieces.counts) - pieces.counts
    assert (pieces.ids[firsts[nothing]] == tokenizer.special["unk"]).all()


def test_bert_gives_nothing_for_control_characters():
    """The case that the test above is about does occur."""
    hf = tiny.train_tokenizer("wordpiece-cased")
    assert hf("\x00", add_special_tokens=False)["input_ids"] == []
    assert len(tiny.piece_tokenizer("wordpiece-cased").words.encode(["\x00"])[0]) == 1


def test_a_token_of_100000_characters(tokenizer):
    doc = Doc(VOCAB, words=["before", "x7" * 50_000, "after"])
    (pieces,) = tokenizer.encode([doc])
    assert 1 <= pieces.counts[1] <= MAX_PIECES_PER_TOKEN
    alone = tokenizer.encode([Doc(VOCAB, words=["before", "x", "after"])])[0]
    np.testing.assert_array_equal(pieces.ids[-alone.counts[2] :], alone.ids[-alone.counts[2] :])


def test_pieces_are_those_of_the_hugging_face_tokenizer():
    """A sentence split at its spaces gives what the tokenizer makes of the whole, for each family."""
    text = "Marie Curie moved from Warsaw to Paris"
    for kind in tiny.TOKENIZER_KINDS:
        hf = tiny.train_tokenizer(kind)
        ours = PieceTokenizer.from_transformers(hf, max_length=128)
        doc = Doc(VOCAB, words=text.split())
        whole = hf(text, add_special_tokens=False)["input_ids"]
        assert ours.encode([doc])[0].ids.tolist() == whole, kind


def test_space_before_a_token_is_told_to_tokenizers_that_mark_it():
    for kind in tiny.TOKENIZER_KINDS:
        tokenizer = tiny.piece_tokenizer(kind)
        apart = tokenizer.encode([Doc(VOCAB, words=["in", "Paris"], spaces=[True, False])])[0]
        glued = tokenizer.encode([Doc(VOCAB, words=["in", "Paris"], spaces=[False, False])])[0]
        assert tokenizer.words.marks_space == (not kind.startswith("wordpiece"))
        assert tokenizer.words.marks_space == (apart.ids.tolist() != glued.ids.tolist()), kind


def test_truncation_and_padding_of_a_tokenizer_json_are_ignored():
    hf = tiny.train_tokenizer("wordpiece-cased")
    word = "Antidisestablishmentarianism"
    expected = hf(word, add_special_tokens=False)["input_ids"]
    assert len(expected) > 8
    hf.backend_tokenizer.enable_truncation(4)
    hf.backend_tokenizer.enable_padding(length=8)
    tokenizer = PieceTokenizer.from_transformers(hf, max_length=128)
    pieces = tokenizer.encode([Doc(VOCAB, words=[word, "a"])])[0]
    assert pieces.ids[: pieces.counts[0]].tolist() == expected
    assert pieces.counts[1] == 1


def test_saved_and_read_again(tokenizer, tmp_path):
    tokenizer.to_disk(tmp_path)
    again = PieceTokenizer.from_disk(tmp_path)
    nlp = spacy.blank("xx")
    docs = [nlp.make_doc(text) for text in tiny.TEXT]
    for a, b in zip(tokenizer.encode(docs), again.encode(docs), strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.cases, b.cases)
    assert json.loads((tmp_path / "pieces.json").read_text())["max_length"] == 128


def test_uncased_is_found_out():
    found = {kind: tiny.piece_tokenizer(kind).uncased for kind in tiny.TOKENIZER_KINDS}
    assert found == {
        "wordpiece-cased": False,
        "wordpiece-uncased": True,
        "byte-bpe": False,
        "unigram": False,
    }


def test_the_table_starts_anew_when_it_is_full(tokenizer, monkeypatch):
    monkeypatch.setattr("cloudner.pieces.tokenizer.MAX_WORDS", 20)
    docs = [Doc(VOCAB, words=[f"w{i}", "Paris", f"v{i}"]) for i in range(30)]
    small = [tokenizer.encode([doc])[0].ids.tolist() for doc in docs]
    assert len(tokenizer._table) <= 22
    monkeypatch.undo()
    assert [p.ids.tolist() for p in tokenizer.encode(docs)] == small


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("...", 0),
        ("paris", 1),
        ("Paris", 2),
        ("NATO", 3),
        ("iPhone", 4),
        ("McDonald", 4),
        ("I", 5),
        ("1984", 6),
        ("G20", 7),
        ("北京", 4),
    ],
)
def test_case_class(word, case):
    if word != "北京":  # letters without case: any class will do as long as it is always the same
        assert case_class(word) == case
    assert case_class(word) == case_class(word)
    assert 0 <= case_class(word) < 8


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=10))
@settings(max_examples=30, deadline=None)
def test_ragged_indices(rows):
    starts = np.array([s for s, _ in rows], dtype=np.int64)
    counts = np.array([c for _, c in rows], dtype=np.int64)
    expected = [s + i for s, c in rows for i in range(c)]
    assert ragged_indices(starts, counts).tolist() == expected


def test_a_token_that_is_cut_is_said_once(tokenizer, caplog):
    fresh = PieceTokenizer.from_parts(tokenizer.json_text, tokenizer.to_dict())
    for word in ("x7" * 30, "x7q" * 150, "y8r" * 150):
        (pieces,) = fresh.encode([Doc(VOCAB, words=["Paris", word])])
        assert pieces.counts[1] <= MAX_PIECES_PER_TOKEN
    cut = [record.getMessage() for record in caplog.records if "word pieces" in record.getMessage()]
    assert len(cut) == (
        1 if pieces.counts[1] == MAX_PIECES_PER_TOKEN else 0
    )  # WordPiece gives up at 100 characters
    assert all("of 450 characters" in line for line in cut)


@pytest.mark.parametrize("prefix", [False, True])
def test_the_first_word_of_a_text_is_read_as_in_pretraining(prefix):
    """RoBERTa puts no space before it, unless its tokenizer was saved with `add_prefix_space`."""
    kept = json.loads(tiny.piece_tokenizer("byte-bpe").json_text)
    kept["pre_tokenizer"]["add_prefix_space"] = prefix
    whole = Tokenizer.from_str(json.dumps(kept))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=whole, cls_token="<s>", sep_token="</s>", add_prefix_space=prefix
    )
    ours = PieceTokenizer.from_transformers(fast, max_length=64)
    doc = Doc(VOCAB, words=["Paris", "is", "Paris"], spaces=[True, True, False])
    (pieces,) = ours.encode([doc])
    assert pieces.ids.tolist() == whole.encode("Paris is Paris", add_special_tokens=False).ids
    assert ours.leading_space is prefix
    again = PieceTokenizer.from_parts(ours.json_text, ours.to_dict())
    assert again.encode([doc])[0].ids.tolist() == pieces.ids.tolist()
    # Pipelines saved before there was the setting go on as they were trained.
    older = {k: v for k, v in ours.to_dict().items() if k != "leading_space"}
    spaced = PieceTokenizer.from_parts(ours.json_text, older).encode([doc])[0].ids.tolist()
    assert spaced == whole.encode(" Paris is Paris", add_special_tokens=False).ids
