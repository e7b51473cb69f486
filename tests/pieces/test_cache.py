"""Pieces are made once a document, and forgotten with it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import spacy
from spacy.training import Example

import tiny
from cloudner.pieces.cache import PieceCache

NLP = spacy.blank("en")


@pytest.fixture
def tokenizer():
    return tiny.piece_tokenizer("wordpiece-cased")


def test_the_same_document_is_tokenised_once(tokenizer):
    cache = PieceCache(tokenizer)
    doc = NLP.make_doc("Marie Curie in Paris")
    (first,) = cache.encode([doc], [doc.copy()])
    (second,) = cache.encode([doc], [doc.copy()])
    assert first is second
    np.testing.assert_array_equal(first.ids, tokenizer.encode([doc])[0].ids)


def test_documents_are_held_weakly(tokenizer):
    cache = PieceCache(tokenizer)
    docs = [NLP.make_doc(text) for text in tiny.TEXT]
    cache.encode(docs, docs)
    assert len(cache) == len(docs)
    assert cache.n_pieces > 0
    del docs
    gc.collect()
    assert len(cache) == 0
    assert cache.n_pieces == 0


def test_what_does_not_fit_is_made_anew(tokenizer):
    cache = PieceCache(tokenizer, max_pieces=10)
    docs = [NLP.make_doc("in Paris now") for _ in range(20)]
    for _ in range(2):
        made = cache.encode(docs, docs)
        assert cache.n_pieces <= 10
    assert len(cache) < len(docs)
    assert len({tuple(p.ids.tolist()) for p in made}) == 1


def test_training_uses_it_over_epochs(bert):
    """The reference stays while spaCy makes the predicted doc anew at each update."""
    nlp = tiny.make_nlp(bert)
    cache = nlp.get_pipe("cloudner").model.shims[0].runner.cache
    examples = tiny.make_examples(nlp)
    for _ in range(2):
        nlp.update(examples, sgd=tiny.adamw())
    assert len(cache) == len(examples)
    kept = [cache._kept[eg.reference] for eg in examples]
    nlp.update(examples, sgd=tiny.adamw())
    assert all(cache._kept[eg.reference] is old for eg, old in zip(examples, kept, strict=True))
    assert all(eg.reference.user_data == {} for eg in examples)


def test_a_document_tokenised_otherwise_is_not_taken_for_another(bert):
    nlp = tiny.make_nlp(bert)
    reference = spacy.tokens.Doc(nlp.vocab, words=["Marie", "Cu", "rie"], spaces=[True, False, False], ents=["B-PER", "I-PER", "I-PER"])  # fmt: skip
    nlp.update([Example(nlp.make_doc("Marie Curie"), reference)], sgd=tiny.adamw())
    assert np.isfinite(tiny.weights(nlp)["head.linear.weight"]).all()
