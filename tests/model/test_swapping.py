"""Entities that change places within a batch keep their pieces, their tags and their label."""

from __future__ import annotations

import numpy as np
import pytest

import tiny
from cloudner.errors import ConfigError
from cloudner.model.training.swapping import swapped
from cloudner.pieces.gold import gold_tags, mentions_in

DATA = [
    ("Marie Curie lived in  Paris.", [(0, 11, "PER"), (22, 27, "LOC")]),
    ("Ada met Angela Merkel near New York City.", [(0, 3, "PER"), (8, 21, "PER"), (27, 40, "LOC")]),
    ("Nothing is named here.", []),
]


@pytest.fixture
def batch(bert):
    nlp = tiny.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner")
    examples = tiny.make_examples(nlp, DATA)
    tags = gold_tags(examples, pipe.scheme)
    pieces = pipe.model.shims[0].runner.tokenizer.encode([eg.predicted for eg in examples])
    return pipe, pieces, tags, mentions_in(examples, tags, pipe.scheme)


def entities(pieces, tags, scheme):
    """(document, label, ids) of each mention."""
    sizes = [int((p.counts > 0).sum()) for p in pieces]
    offsets = np.cumsum([0, *sizes])
    found = []
    for start, end, label in scheme.decode(tags, offsets).tolist():
        doc = int(np.searchsorted(offsets, start, side="right")) - 1
        p = pieces[doc]
        counts = p.counts[p.counts > 0]
        first = np.cumsum(counts) - counts
        inner = slice(start - offsets[doc], end - offsets[doc])
        begin, size = int(first[inner][0]), int(counts[inner].sum())
        found.append((doc, scheme.labels[label], tuple(p.ids[begin : begin + size].tolist())))
    return found


def test_the_mentions_of_a_batch(batch):
    pipe, _, _, mentions = batch
    assert mentions[:, 2].tolist() == [
        pipe.labels.index(label) for label in ("PER", "LOC", "PER", "PER", "LOC")
    ]
    assert [end - start for start, end, _ in mentions.tolist()] == [2, 1, 1, 2, 3]


def test_each_is_one_of_its_label_and_the_rest_stays(batch):
    pipe, pieces, tags, mentions = batch
    before = entities(pieces, tags, pipe.scheme)
    known = {(label, ids) for _, label, ids in before}
    seen = set()
    for seed in range(20):
        made, made_tags = swapped(pieces, tags, mentions, 1.0, np.random.RandomState(seed))
        after = entities(made, made_tags, pipe.scheme)
        assert [(doc, label) for doc, label, _ in after] == [(doc, label) for doc, label, _ in before]
        assert {(label, ids) for _, label, ids in after} <= known
        assert made[2] is pieces[2]
        for one in made:
            assert int(one.counts.sum()) == len(one.ids)
            assert len(one.cases) == len(one.counts)
        outside = [int((t == 0).sum()) for t in (tags, made_tags)]
        assert outside[0] == outside[1]
        seen.add(tuple(ids for _, _, ids in after))
    assert len(seen) > 5


def test_the_same_numbers_draw_the_same_and_none_at_rate_nought(batch):
    _, pieces, tags, mentions = batch
    one = swapped(pieces, tags, mentions, 0.5, np.random.RandomState(3))
    other = swapped(pieces, tags, mentions, 0.5, np.random.RandomState(3))
    assert np.array_equal(one[1], other[1])
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(one[0], other[0], strict=True))
    same, unchanged = swapped(pieces, tags, mentions, 0.0, np.random.RandomState(3))
    assert unchanged is tags
    assert all(a is b for a, b in zip(same, pieces, strict=True))


def test_a_training_with_it_learns(bert):
    nlp = tiny.make_nlp(bert, swap_entities=0.5, tag_scheme="BILUO")
    optimizer = tiny.adamw(1e-3)
    losses = [float(nlp.update(tiny.make_examples(nlp, DATA), sgd=optimizer)["cloudner"]) for _ in range(45)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    "settings", [{"swap_entities": 1.5}, {"swap_entities": 0.5, "window_unit": "sentence"}]
)
def test_what_cannot_be_meant_is_refused(bert, settings):
    with pytest.raises(ConfigError, match="swap_entities"):
        tiny.make_nlp(bert, **settings)
