"""Every entity of the gold can be expressed and comes back at the same place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

import tiny
from cloudner.pieces.gold import gold_tags, solid_tokens
from cloudner.pieces.scheme import TagScheme
from cloudner.pieces.windows import make_windows

VOCAB = spacy.blank("xx").vocab
LABELS = ("LOC", "ORG", "PER")
words = st.one_of(
    st.sampled_from(
        [
            " ",
            "\n",
            "\t\t",
            "👩‍👩‍👧‍👦",
            "\u200b",
            "\x00",
            "שלום",
            "مرحبا",
            "北京",
            "e\u0301",
            "U.S.",
            "'s",
            "x" * 300,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)


@st.composite
def annotated(draw) -> Doc:
    tokens = draw(st.lists(st.tuples(words, st.booleans()), min_size=1, max_size=14))
    doc = Doc(VOCAB, words=[w for w, _ in tokens], spaces=[s for _, s in tokens])
    bounds = sorted(draw(st.sets(st.integers(0, len(doc)), max_size=8)))
    spans = []
    for start, end in zip(bounds[::2], bounds[1::2], strict=False):
        if not doc[start].is_space and not doc[end - 1].is_space:
            spans.append(Span(doc, start, end, label=draw(st.sampled_from(LABELS))))
    doc.ents = spans
    return doc


def decoded(docs: list[Doc], tags: np.ndarray, scheme: TagScheme) -> list[list[tuple[int, int, str]]]:
    """As the component does it: spans over solid tokens, put back among the white space."""
    from cloudner.pieces.annotations import Places

    sizes = [int(solid_tokens([doc]).sum()) if len(doc) else 0 for doc in docs]
    offsets = np.cumsum([0, *sizes])
    starts = np.cumsum([0, *(len(doc) for doc in docs)])
    place = Places(offsets, starts, np.flatnonzero(solid_tokens(docs)))
    found: list[list[tuple[int, int, str]]] = [[] for _ in docs]
    for doc, start, end, label in place(scheme.decode(tags, offsets)).tolist():
        found[doc].append((start, end, scheme.labels[label]))
    return found


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
@given(docs=st.lists(annotated(), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_gold_to_tags_and_back(name, docs):
    scheme = TagScheme(LABELS, name)
    examples = [
        Example(Doc(VOCAB, words=[t.text for t in d], spaces=[bool(t.whitespace_) for t in d]), d)
        for d in docs
    ]
    tags = gold_tags(examples, scheme)
    offsets = np.cumsum([0, *(int(solid_tokens([doc]).sum()) for doc in docs)])
    assert (tags >= 0).all()
    assert not scheme.invalid(tags, offsets).any()
    assert decoded(docs, tags, scheme) == [tiny.ents(doc) for doc in docs]


@pytest.mark.parametrize("kind", tiny.TOKENIZER_KINDS)
@given(docs=st.lists(annotated(), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_gold_to_the_pieces_the_encoder_reads_and_back(kind, docs):
    """Tags laid on each token's first piece in its window are found there again: nothing is lost on the way through
    any tokenizer, and scores go back to the tokens they belong to."""
    import torch

    from cloudner.model.network.sequences import Prepared

    tokenizer = _tokenizers(kind)
    scheme = TagScheme(LABELS)
    tags = gold_tags([Example(doc.copy(), doc) for doc in docs], scheme)
    prepared = Prepared(tokenizer.encode(docs), lambda pieces: make_windows(pieces, 80, 8))
    assert int(prepared.offsets[-1]) == len(tags)
    back = np.full(len(tags), -9)
    for row in range(len(prepared.lengths)):  # one sequence at a time, then all
        batch, tokens = prepared.sequences(
            np.array([row]), tokenizer.special, torch.device("cpu"), most=512, counts=True, cases=True
        )
        on_pieces = torch.full((batch.ids.numel(),), -5)
        on_pieces[batch.token_first] = torch.from_numpy(tags[tokens])
        assert (batch.token_first > 0).all()
        assert (batch.token_first < batch.ids.numel() - 1).all()
        back[tokens] = on_pieces[batch.token_first].numpy()
    assert decoded(docs, back, scheme) == [tiny.ents(doc) for doc in docs]
    if len(prepared.lengths):
        rows = np.arange(len(prepared.lengths))[::-1].copy()
        batch, tokens = prepared.sequences(
            rows, tokenizer.special, torch.device("cpu"), most=512, counts=True, cases=True
        )
        firsts = batch.ids.flatten()[batch.token_first].numpy()
        own = np.concatenate(
            [p.ids[(np.cumsum(p.counts) - p.counts)[p.counts > 0]] for p in tokenizer.encode(docs)]
        )
        np.testing.assert_array_equal(firsts, own[tokens])


_MADE: dict[str, object] = {}


def _tokenizers(kind: str):
    if kind not in _MADE:
        _MADE[kind] = tiny.piece_tokenizer(kind)
    return _MADE[kind]


@given(doc=annotated(), cuts=st.data())
@settings(max_examples=20, deadline=None)
def test_gold_on_another_tokenisation(doc, cuts):
    """Entities whose borders the predicted tokens share come back with the same characters; others are masked."""
    text = doc.text
    if not text:
        return
    bounds = sorted({0, len(text), *cuts.draw(st.sets(st.integers(0, len(text)), max_size=12))})
    pieces = [text[a:b] for a, b in itertools.pairwise(bounds)]
    predicted = Doc(VOCAB, words=pieces, spaces=[False] * len(pieces))
    scheme = TagScheme(LABELS)
    tags = gold_tags([Example(predicted, doc)], scheme)
    solid = solid_tokens([predicted])
    offsets = np.array([0, int(solid.sum())])
    spans = decoded([predicted], np.maximum(tags, 0), scheme)[0] if len(tags) else []
    found = {(predicted[s].idx, predicted[e - 1].idx + len(predicted[e - 1]), label) for s, e, label in spans}
    starts = {t.idx: t for t in predicted}
    ends = {t.idx + len(t): t for t in predicted}
    for ent in doc.ents:
        key = (ent.start_char, ent.end_char, ent.label_)
        if ent.start_char in starts and ent.end_char in ends and not _touches_space(starts, ends, ent):
            assert key in found
    assert len(tags) == offsets[-1]


def _touches_space(starts, ends, ent) -> bool:
    return starts[ent.start_char].is_space or ends[ent.end_char].is_space
