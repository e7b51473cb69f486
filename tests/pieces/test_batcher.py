"""`cloudner.batch_by_pieces.v1`: like lengths together, every document once, counted by the encoder in training."""

import gc
import random

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

import tiny
from cloudner.corpus.training import batcher
from cloudner.corpus.training.batcher import batch_by_pieces, count_pieces, estimate_pieces, register_counter
from cloudner.errors import ConfigError
from cloudner.pieces.cache import PieceCache


@pytest.fixture
def nobody(monkeypatch):
    """No encoder to ask, whatever other tests have left alive."""
    monkeypatch.setattr(batcher, "_counters", [])


def examples_of(nlp, lengths, word="word"):
    docs = [Doc(nlp.vocab, words=[word] * n) for n in lengths]
    return [Example(doc, Doc(nlp.vocab, words=[t.text for t in doc])) for doc in docs]


def sizes(batches):
    return [[len(eg.predicted) for eg in batch] for batch in batches]


def test_each_document_once_and_like_lengths_together(nobody):
    lengths = [random.Random(i).randrange(1, 60) for i in range(100)]
    egs = examples_of(spacy.blank("en"), lengths)
    random.seed(0)
    batches = list(batch_by_pieces(8)(egs))
    assert sorted(id(eg) for batch in batches for eg in batch) == sorted(map(id, egs))
    assert all(len(batch) <= 8 for batch in batches)
    assert max(max(size) - min(size) for size in sizes(batches)) < 15
    random.seed(1)
    assert sizes(batch_by_pieces(8)(egs)) != sizes(batches)  # in another order


def test_pieces_limit_a_batch_and_a_long_document_is_alone(nobody):
    egs = examples_of(spacy.blank("en"), [10] * 10 + [500])
    made = sizes(batch_by_pieces(8, max_pieces=45)(egs))
    assert sorted(made) == sorted([[10] * 4, [10] * 4, [10] * 2, [500]])


def test_an_encoder_in_training_counts_for_the_batcher(nobody, bert):
    nlp = tiny.make_nlp(bert)
    egs = tiny.make_examples(nlp)
    cache = nlp.get_pipe("cloudner").model.shims[0].runner.cache
    counted = count_pieces(egs)
    assert counted.tolist() == [len(p.ids) for p in cache.tokenizer.encode([eg.predicted for eg in egs])]
    assert len(cache) == len(egs)  # kept for the step that follows
    assert counted.tolist() != [estimate_pieces(eg) for eg in egs]


def test_who_is_gone_is_not_asked(nobody, bert):
    egs = examples_of(spacy.blank("en"), [3, 7], word="abcdefghijklmnop")
    tokenizer = tiny.make_nlp(bert).get_pipe("cloudner").model.shims[0].runner.tokenizer
    cache = PieceCache(tokenizer)
    register_counter(cache)
    register_counter(cache)
    assert [kept() for kept in batcher._counters].count(cache) == 1
    assert count_pieces(egs).tolist() == [len(p.ids) for p in tokenizer.encode([eg.predicted for eg in egs])]
    batcher._counters[:] = batcher._counters[-1:]
    del cache
    gc.collect()
    np.testing.assert_array_equal(count_pieces(egs), [estimate_pieces(eg) for eg in egs])


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"max_pieces": -1}, {"buffer_batches": -1}])
def test_numbers_that_mean_nothing(wrong):
    with pytest.raises(ConfigError):
        batch_by_pieces(**wrong)
