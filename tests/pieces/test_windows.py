"""Windows cover each token once and never exceed what the encoder takes."""

from __future__ import annotations

import numpy as np
import pytest
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


def assert_tokens_once(windows, rows, n_tokens):
    """Half-open token ranges follow one another over the whole document, in order."""
    assert windows.token_first[rows[0]] == 0
    assert windows.token_last[rows[-1]] == n_tokens
    np.testing.assert_array_equal(windows.token_last[rows[:-1]], windows.token_first[rows[1:]])


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
        assert_tokens_once(windows, rows, len(counts))
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


# -- sentences ----------------------------------------------------------------------------------------------------


@given(data=st.data(), docs=docs, capacity=st.integers(1, 40), context=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_each_sentence_once_within_capacity(data, docs, capacity, context):
    pieces = [pieces_of(counts) for counts in docs]
    n_tokens = sum(len(counts) for counts in docs)
    begins = np.array(data.draw(st.lists(st.booleans(), min_size=n_tokens, max_size=n_tokens)), dtype=bool)
    windows = make_windows(pieces, capacity, context, begins)
    assert (windows.lengths <= capacity).all()
    assert (windows.lengths > 0).all()
    offset = 0
    for i, counts in enumerate(docs):
        rows = np.flatnonzero(windows.doc == i)
        own = np.flatnonzero(begins[offset : offset + len(counts)])
        offset += len(counts)
        if not sum(counts):
            assert not len(rows)
            continue
        assert_tokens_once(windows, rows, len(counts))
        ends = np.cumsum(counts)
        assert (windows.first[rows] >= 0).all()
        assert (windows.last[rows] <= ends[-1]).all()  # never over the document
        for row in rows:
            first, last = windows.token_first[row], windows.token_last[row]
            solid = [t for t in range(first, last) if counts[t]]
            # No word of another sentence is answered for.
            assert not [t for t in own if solid[0] < t <= solid[-1]]
            for token in solid:
                assert windows.first[row] <= ends[token] - counts[token] < windows.last[row]
            if context == 0 and ends[last - 1] - (ends[first] - counts[first]) <= capacity:
                assert windows.first[row] == ends[first] - counts[first]
                assert windows.last[row] == ends[last - 1]


def test_sentences_see_their_neighbours_in_the_document():
    pieces = [pieces_of([1] * 12), pieces_of([1] * 5)]
    begins = np.zeros(17, dtype=bool)
    begins[[0, 4, 8, 12]] = True
    windows = make_windows(pieces, 100, 3, begins)
    assert windows.doc.tolist() == [0, 0, 0, 1]
    assert windows.token_first.tolist() == [0, 4, 8, 0]
    assert windows.first.tolist() == [0, 1, 5, 0]
    assert windows.last.tolist() == [7, 11, 12, 5]
    # Little room: half of it on either side, and what one side does not need goes to the other.
    windows = make_windows(pieces, 8, 3, begins)
    assert windows.first.tolist() == [0, 2, 5, 0]
    assert windows.last.tolist() == [7, 10, 12, 5]


def test_without_boundaries_a_document_is_one_window():
    pieces = [pieces_of([1] * 100), pieces_of([2, 0, 3]), pieces_of([])]
    by_sentence = make_windows(pieces, 30, 5, np.zeros(103, dtype=bool))
    by_document = make_windows(pieces, 30, 5)
    for name in ("doc", "first", "last", "token_first", "token_last"):
        np.testing.assert_array_equal(getattr(by_sentence, name), getattr(by_document, name))


def test_sentences_in_training_and_prediction(bert):
    """Scores are those of the sentences alone with `context = 0`, of the whole where the context reaches it; and each
    gold tag counts once."""
    text = " ".join(text for text, _ in tiny.DATA[:3])
    nlp = tiny.make_nlp(bert, window_unit="sentence", context=0)
    pipe = nlp.get_pipe("cloudner")
    runner = pipe.model.shims[0].runner
    doc, whole = nlp.make_doc(text), nlp.make_doc(text)
    starts = [
        0,
        len(nlp.make_doc(tiny.DATA[0][0])),
        len(nlp.make_doc(tiny.DATA[0][0] + " " + tiny.DATA[1][0])),
    ]
    for token in doc:
        token.is_sent_start = token.i in starts
    alone = [sentence.as_doc() for sentence in doc.sents]
    assert len(alone) == 3
    np.testing.assert_allclose(pipe.model.predict([doc]).scores, pipe.model.predict(alone).scores, atol=1e-5)
    undivided = pipe.model.predict([whole]).scores
    assert np.abs(pipe.model.predict([doc]).scores - undivided).max() > 1e-3
    runner.settings.context = 1000
    np.testing.assert_allclose(pipe.model.predict([doc]).scores, undivided, atol=1e-5)
    # Training: the loss is that of the same scores, each token once, whether pieces are kept or new.
    runner.settings.context = 0
    entities = [(0, 11, "PER"), (21, 26, "LOC")]
    losses = []
    for words in ([doc], alone):
        examples = [
            spacy.training.Example.from_dict(d, {"entities": entities if d is not alone[1] else []})
            for d in words
        ]
        if len(words) == 3:
            examples[2] = spacy.training.Example.from_dict(alone[2], {"entities": []})
        for example in examples:
            example.predicted.ents = []
        pipe.update(examples)
        losses.append((pipe.update(examples)["cloudner"], pipe.model.shims[0].labelled))
        pipe.model.shims[0].step.drop()
    assert losses[0][1] == losses[1][1] == 2 * len(doc)
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-5)
    runner.settings.window_unit = "document"  # kept pieces serve any window
    again = [spacy.training.Example.from_dict(doc, {"entities": entities})]
    assert pipe.update(again)["cloudner"] != pytest.approx(losses[0][0], rel=1e-5)


def test_documents_without_sentences_are_told_once(bert, caplog):
    said = "no document has sentence boundaries"
    with caplog.at_level("WARNING", logger="cloudner"):
        nlp = tiny.make_nlp(bert, window_unit="sentence")
        for _ in range(2):
            nlp(tiny.DATA[0][0])
    assert caplog.text.count(said) == 1
    caplog.clear()
    nlp.get_pipe("cloudner").model.shims[0].runner._windowing.told = False
    nlp.add_pipe("sentencizer", first=True)
    nlp("")
    nlp(tiny.DATA[0][0])
    assert said not in caplog.text
