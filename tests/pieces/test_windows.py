"""Windows cover each token once and never exceed what the encoder takes."""

from __future__ import annotations

import numpy as np
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from cloudner.pieces.tokenizer import Pieces
from cloudner.pieces.windows import make_windows


def pieces_of(counts: list[int]) -> Pieces:
    array = np.array(counts, dtype=np.int32)
    return Pieces(np.arange(array.sum(), dtype=np.int32), array, np.zeros(len(array), np.int8))


docs = st.lists(st.lists(st.one_of(st.integers(0, 4), st.just(64)), max_size=60), max_size=4)


@given(docs=docs, capacity=st.integers(1, 40), context=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_each_token_once_within_capacity(docs, capacity, context):
    pieces = [pieces_of(counts) for counts in docs]
    windows = make_windows(pieces, capacity, context)
    assert (windows.lengths <= capacity).all()
    assert (windows.lengths > 0).all()
    for i, counts in enumerate(docs):
        rows = np.flatnonzero(windows.doc == i)
        if not sum(counts):
            assert not len(rows)
            continue
        # Half-open token ranges follow one another over the whole document, in order.
        assert windows.token_first[rows[0]] == 0
        assert windows.token_last[rows[-1]] == len(counts)
        np.testing.assert_array_equal(windows.token_last[rows[:-1]], windows.token_first[rows[1:]])
        ends = np.cumsum(counts)
        for row in rows:
            for token in range(windows.token_first[row], windows.token_last[row]):
                if counts[token]:  # its first piece is read by the sequence that answers for it
                    first = ends[token] - counts[token]
                    assert windows.first[row] <= first < windows.last[row]


def test_short_documents_are_one_sequence_each():
    windows = make_windows([pieces_of([1, 2, 3]), pieces_of([]), pieces_of([0, 0]), pieces_of([6])], 6, 2)
    assert windows.doc.tolist() == [0, 3]
    assert windows.lengths.tolist() == [6, 6]


def test_every_window_sees_context_on_both_sides():
    windows = make_windows([pieces_of([1] * 100)], 30, 5)
    inner = slice(1, -1)
    core_first, core_last = windows.token_first[inner], windows.token_last[inner]
    assert (core_first - windows.first[inner] == 5).all()
    assert (windows.last[inner] - core_last == 5).all()
    # Each piece beyond the context is computed once.
    assert windows.lengths.sum() <= 100 + 2 * 5 * (len(windows) - 1)


def test_windows_give_what_one_sequence_gives_where_the_document_fits(bert):
    """Capacity decides, not the code path: a doc that just fits goes whole; with an attention that reaches
    everything there is nothing else to compare with, so the window is set around it."""
    nlp = tiny.make_nlp(bert)
    model = nlp.get_pipe("cloudner").model
    runner = model.shims[0].runner
    doc = nlp.make_doc(" ".join(text for text, _ in tiny.DATA))
    n_pieces = len(runner.tokenizer.encode([doc])[0].ids)
    whole = model.predict([doc]).scores
    runner.settings.window = n_pieces + 2
    assert len(runner.windows(runner.tokenizer.encode([doc]))) == 1
    np.testing.assert_allclose(model.predict([doc]).scores, whole, atol=1e-6)
    runner.settings.window = n_pieces + 1
    windows = runner.windows(runner.tokenizer.encode([doc]))
    assert len(windows) == 2
    assert model.predict([doc]).scores.shape == whole.shape


def test_long_documents_keep_their_entities(trained):
    """A document of many windows finds the entities its sentences have alone, whatever the window."""
    pipe = trained.get_pipe("cloudner")
    sentence = tiny.DATA[0][0] + " "
    runner = pipe.model.shims[0].runner
    per_sentence = len(runner.tokenizer.encode([trained.make_doc(sentence)])[0].ids)
    runner.settings.window, runner.settings.context = per_sentence * 2, per_sentence // 2
    doc = trained(sentence * 30)
    assert len(runner.windows(runner.tokenizer.encode([doc]))) > 15
    assert all(token.ent_iob in (2, 1, 3) for token in doc)
    assert len(doc) == 30 * len(spacy.blank("en").make_doc(sentence))
