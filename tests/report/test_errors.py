from __future__ import annotations

import pytest

from cloudner.report.evaluation.mistakes import (
    KINDS,
    NOTHING,
    confusion,
    count_kinds,
    find_errors,
    pair_entities,
)
from cloudner.report.evaluation.scores import strict_scores

from .conftest import tagged_documents


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        (["B-A", "I-A", "O"], ["B-A", "I-A", "O"], ["correct"]),
        (["B-A", "I-A", "O"], ["B-A", "O", "O"], ["boundary"]),
        (["B-A", "I-A", "O"], ["B-B", "I-B", "O"], ["type"]),
        (["B-A", "I-A", "O"], ["O", "B-B", "I-B"], ["both"]),
        (["B-A", "I-A", "O"], ["O", "O", "O"], ["missed"]),
        (["O", "O", "O"], ["O", "B-A", "O"], ["spurious"]),
        # One gold entity cut in two: one half is a boundary mistake, the other is spurious.
        (["B-A", "I-A", "I-A"], ["B-A", "I-A", "B-A"], ["boundary", "spurious"]),
        # Two gold entities in one prediction.
        (["B-A", "I-A", "B-A"], ["B-A", "I-A", "I-A"], ["boundary", "missed"]),
        # The right label wins over the longer overlap.
        (["B-A", "B-B", "I-B"], ["B-A", "I-A", "I-A"], ["boundary", "missed"]),
        # The longest overlap wins among equal kinds.
        (["B-A", "B-A", "I-A"], ["B-A", "I-A", "I-A"], ["missed", "boundary"]),
    ],
)
def test_each_class(gold, predicted, kinds):
    (document,) = tagged_documents([gold], [predicted])
    assert [pair.kind for pair in pair_entities(document)] == kinds


def test_every_entity_is_in_exactly_one_pair(disturbed):
    for document in tagged_documents(*disturbed):
        pairs = pair_entities(document)
        assert sorted(p.gold for p in pairs if p.gold) == sorted(document.gold)
        assert sorted(p.predicted for p in pairs if p.predicted) == sorted(document.predicted)


def test_counts_add_up_to_the_scores(disturbed):
    documents = tagged_documents(*disturbed)
    errors = find_errors(documents)
    counts = count_kinds(errors)
    assert list(counts) == list(KINDS)
    assert min(counts.values()) > 0
    micro = strict_scores(documents).micro
    paired = counts["boundary"] + counts["type"] + counts["both"]
    assert micro.gold == micro.correct + paired + counts["missed"]
    assert micro.predicted == micro.correct + paired + counts["spurious"]


def test_confusion_rows_are_gold_and_columns_predictions(disturbed):
    documents = tagged_documents(*disturbed)
    labels, counts = confusion(documents)
    assert labels[-1] == NOTHING
    assert counts[-1][-1] == 0
    for label, score in strict_scores(documents).per_label.items():
        i = labels.index(label)
        assert sum(counts[i]) == score.gold
        assert sum(row[i] for row in counts) == score.predicted
    kinds = count_kinds(find_errors(documents))
    assert sum(row[-1] for row in counts) == kinds["missed"]
    assert sum(counts[-1]) == kinds["spurious"]


def test_texts_and_context_are_those_of_the_document():
    words = [["In", "New", "York", "City", "Anna", "rests"]]
    (document,) = tagged_documents(
        [["O", "B-L", "I-L", "I-L", "B-P", "O"]], [["O", "B-L", "I-L", "O", "O", "O"]], words
    )
    document.meta["id"] = "a1"
    document.confidence[0] = 0.75
    boundary, missed = find_errors([document])
    assert (boundary.gold_text, boundary.predicted_text, boundary.kind) == (
        "New York City",
        "New York",
        "boundary",
    )
    assert (boundary.confidence, boundary.source) == (0.75, "a1")
    assert (missed.gold_text, missed.predicted, missed.confidence) == ("Anna", None, None)
    assert boundary.context == "In New York City Anna rests "[: len(boundary.context)]
    for start, end, label in boundary.gold_ents:
        assert boundary.context[start:end] in {"New York City", "Anna"}
        assert label in {"L", "P"}
    assert boundary.to_dict()["gold"] == {"text": "New York City", "label": "L", "start": 3, "end": 16}


def test_context_is_cut_at_words_and_offsets_follow():
    filler = ["word"] * 80
    words = [[*filler, "Oslo", *filler]]
    gold = [["O"] * 80 + ["B-L"] + ["O"] * 80]
    (error,) = find_errors(tagged_documents(gold, [["O"] * 161], words), window=30)
    assert 60 <= len(error.context.strip()) <= 110
    assert set(error.context.split()) == {"word", "Oslo"}
    start, end, _ = error.gold_ents[0]
    assert error.context[start:end] == "Oslo"
    assert error.gold is not None
    assert error.gold.start_char == error.context_start + start
