"""Words hidden in training: whole, at the rate asked for, and only while training."""

from __future__ import annotations

import numpy as np
import pytest

import spans
import tiny
from cloudner.errors import ConfigError
from cloudner.model.training.masking import masked

RATE = 0.3


@pytest.fixture(scope="module")
def encoded(bert):
    nlp = tiny.make_nlp(bert)
    tokenizer = nlp.get_pipe("cloudner").model.shims[0].runner.tokenizer
    docs = [nlp.make_doc(text) for text in ("Angela Merkel met Apple in Warsaw", "Bordeaux", "")]
    return tokenizer, tokenizer.encode(docs)


def test_a_word_is_hidden_with_all_of_its_pieces(encoded):
    tokenizer, pieces = encoded
    mask = tokenizer.mask
    assert mask == tokenizer.special["mask"] != tokenizer.special["unk"]
    assert max(int(one.counts.max()) for one in pieces[:2]) > 1
    random, hidden, words = np.random.RandomState(0), 0, 0
    for _ in range(300):
        for before, after in zip(pieces, masked(pieces, RATE, mask, random), strict=True):
            assert after.ids.dtype == before.ids.dtype
            assert np.array_equal(after.counts, before.counts)
            assert np.array_equal(after.cases, before.cases)
            changed = after.ids != before.ids
            assert (after.ids[changed] == mask).all()
            of_word = np.split(changed, np.cumsum(before.counts)[:-1])
            assert all(each.all() or not each.any() for each in of_word)
            hidden += sum(bool(each.any()) for each in of_word)
            words += len(before.counts)
    assert hidden / words == pytest.approx(RATE, abs=0.04)
    assert mask not in np.concatenate([one.ids for one in pieces])  # those given stay as they are


def test_none_and_all(encoded):
    tokenizer, pieces = encoded
    same = masked(pieces, 0.0, tokenizer.mask)
    assert all(a.ids is b.ids for a, b in zip(same, pieces, strict=True))
    assert all((one.ids == tokenizer.mask).all() for one in masked(pieces, 1.0, tokenizer.mask))


def test_words_are_hidden_in_training_alone(bert, encoded):
    """Two words of as many pieces, one an entity: hidden they are alike, and nothing tells them apart."""
    tokenizer, _ = encoded
    nlp = tiny.make_nlp(bert)
    words = sorted({word for text, _ in tiny.DATA for word in text.strip(".").split()})
    counts = [int(one.counts[0]) for one in tokenizer.encode([nlp.make_doc(word) for word in words])]
    one, other = [word for word, count in zip(words, counts, strict=True) if count == 1][:2]
    data = [(one, [(0, len(one), "PER")]), (other, [])]
    losses = {}
    for rate in (0.0, 1.0):
        nlp = tiny.make_nlp(bert, mask_words=rate, case_features=False)
        optimizer, examples = tiny.adamw(1e-2), tiny.make_examples(nlp, data)
        for _ in range(25):
            losses[rate] = float(nlp.update(examples, sgd=optimizer)["cloudner"])
        pipe = nlp.get_pipe("cloudner")
        scores = [pipe.model.predict([nlp.make_doc(word)]).scores for word in (one, other)]
        assert np.abs(scores[0] - scores[1]).max() > 1e-3
    assert losses[0.0] < 0.1
    assert losses[1.0] > 0.6  # of a coin: ln 2


def test_a_pipeline_saved_without_the_mask_hides_behind_the_unknown(encoded):
    tokenizer, _ = encoded
    settings = tokenizer.to_dict()
    settings["special"] = {name: i for name, i in settings["special"].items() if name != "mask"}
    old = type(tokenizer).from_parts(tokenizer.json_text, settings)
    assert old.mask == tokenizer.special["unk"]


def test_spans_are_learnt_so_too(bert):
    nlp = spans.overfit(spans.make_nlp(bert, mask_words=0.1), steps=60)
    doc = nlp("the University of Warsaw Library opened")
    assert ("University of Warsaw Library", "ORG") in {(s.text, s.label_) for s in doc.spans["sc"]}


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_what_cannot_be_meant_is_refused(bert, rate):
    with pytest.raises(ConfigError, match="mask_words"):
        tiny.make_nlp(bert, mask_words=rate)
