"""The batches of a training that goes on are those that it would have had."""

from __future__ import annotations

import json
import random
from itertools import islice

import pytest
import spacy
from spacy.util import registry

import tiny
from cloudner.training.batches import Batches, drawn, set_drawn

SIZE = {"@schedules": "compounding.v1", "start": 8, "stop": 60, "compound": 1.15}
BATCHERS = {
    "words": {"@batchers": "spacy.batch_by_words.v1", "size": SIZE, "tolerance": 0.2, "discard_oversize": False},
    "sequence": {"@batchers": "spacy.batch_by_sequence.v1", "size": SIZE, "get_length": None},
    "padded": {"@batchers": "spacy.batch_by_padded.v1", "size": SIZE, "buffer": 8, "discard_oversize": False},
    "pieces": {"@batchers": "cloudner.batch_by_pieces.v1", "batch_size": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHERS)
@pytest.mark.parametrize("stop", [1, 41])
def test_they_go_on_where_they_were(name, stop):
    """In the first epoch and in a later one, of a size that grows from epoch to epoch too."""
    nlp = spacy.blank("xx")
    examples = tiny.make_examples(nlp, [("word " * (1 + i % 7), []) for i in range(40)])
    batcher = {"b": BATCHERS[name]}

    def batches():
        return Batches(nlp, lambda nlp: examples, registry.resolve(batcher)["b"], 0)

    def numbers(given):
        return [(epoch, [examples.index(eg) for eg in batch]) for epoch, batch in given]

    random.seed(0)
    whole = batches()
    stream = iter(whole)
    before = numbers(islice(stream, stop))
    position, state = json.loads(json.dumps(whole.position())), drawn()
    expected = numbers(islice(stream, 60))
    assert (before[-1][0] == 0) == (stop == 1)
    assert expected[-1][0] > before[-1][0]
    resumed = batches()
    resumed.go_to(position, lambda: set_drawn(state))
    assert numbers(islice(resumed, 60)) == expected
    position.pop("taken", None)  # a checkpoint of an earlier version is still read
    batches().go_to(position, lambda: None)
