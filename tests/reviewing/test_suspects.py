"""Suspects from made-up probabilities, of which the right answer is known."""

from __future__ import annotations

import pytest

from cloudner.folds.spans import LikelySpan
from cloudner.reviewing.suspects import Annotated, Confidence, find_suspects


def document(spans, size=10, known=None):
    return Annotated(spans, [True] * size if known is None else known)


def of(docs, likely):
    return [
        (s.kind, s.given, s.suggested)
        for s in find_suspects(docs, [[LikelySpan(*span) for span in spans] for spans in likely])
    ]


@pytest.mark.parametrize(
    ("given", "likely", "expected"),
    [
        ([(2, 4, "ORG")], [(2, 4, "PER", 0.97), (2, 4, "ORG", 0.01)], ("type", (2, 4, "ORG"), (2, 4, "PER"))),
        ([(2, 4, "ORG")], [(2, 5, "ORG", 0.9)], ("boundary", (2, 4, "ORG"), (2, 5, "ORG"))),
        ([(2, 4, "ORG")], [(3, 4, "PER", 0.9)], ("boundary", (2, 4, "ORG"), (3, 4, "PER"))),
        ([(2, 4, "ORG")], [(6, 7, "PER", 0.01)], ("invented", (2, 4, "ORG"), None)),
        ([], [(6, 7, "PER", 0.98)], ("missed", None, (6, 7, "PER"))),
    ],
)
def test_each_kind_of_error(given, likely, expected):
    (first, *_) = of([document(given)], [likely])
    assert first == expected


def test_what_is_believed_comes_last_and_what_is_ruled_out_first():
    docs = [document([(0, 1, "PER")]), document([(0, 1, "PER")]), document([(0, 1, "PER")])]
    likely = [[LikelySpan(0, 1, "PER", p), LikelySpan(0, 1, "LOC", 1 - p)] for p in (0.95, 0.02, 0.6)]
    found = find_suspects(docs, likely)
    assert [s.document for s in found] == [1, 2, 0]
    assert found[0].probability > 0.9
    assert found[-1].probability < 0.1
    assert all(0 <= s.probability <= 1 for s in found)


def test_a_missed_entity_is_as_probable_as_its_spans_together():
    likely = [LikelySpan(3, 4, "PER", 0.5), LikelySpan(3, 5, "PER", 0.4)]
    (found,) = find_suspects([document([])], [likely])
    assert found.suggested == (3, 4, "PER")
    assert found.probability == pytest.approx(0.9)
    assert not of([document([])], [[(3, 4, "PER", 0.01)]])  # not worth a line


def test_nothing_is_missed_where_nobody_looked():
    known = [True] * 5 + [False] * 5
    assert of([document([], known=known)], [[(4, 6, "PER", 0.9)]]) == []
    assert of([document([], known=[False] * 10)], [[(1, 2, "PER", 0.9)]]) == []
    assert of([document([], known=known)], [[(3, 4, "PER", 0.9)]]) == [("missed", None, (3, 4, "PER"))]


def test_a_label_of_low_confidence_is_not_all_suspects():
    """The same probabilities of one PER and one MISC; PER is usually 0.95, MISC 0.35: the PER is the likelier error."""
    docs = [document([(0, 1, label)]) for label in ["PER"] * 30 + ["MISC"] * 30]
    usual = {"PER": 0.95, "MISC": 0.35}
    likely = [[LikelySpan(0, 1, doc.spans[0][2], usual[doc.spans[0][2]])] for doc in docs]
    for at in (3, 40):
        label = docs[at].spans[0][2]
        likely[at] = [LikelySpan(0, 1, label, 0.2), LikelySpan(0, 1, "LOC", 0.7)]
    first, *rest = find_suspects(docs, likely)
    assert first.document == 3
    (misc,) = [s for s in rest if s.document == 40]
    assert misc.probability < first.probability - 0.2
    confidence = Confidence(docs, likely)
    assert confidence.of("PER") == pytest.approx((29 * 0.95 + 0.2) / 30)
    assert confidence.of("LOC") == confidence.mean  # never annotated


def test_confident_is_what_reaches_the_confidence_of_its_label():
    docs = [document([(0, 1, "PER")]) for _ in range(20)] + [document([]), document([])]
    likely = [[LikelySpan(0, 1, "PER", 0.8)] for _ in range(20)]
    likely += [[LikelySpan(0, 1, "PER", 0.85)], [LikelySpan(0, 1, "PER", 0.7)]]
    missed = {s.document: s.confident for s in find_suspects(docs, likely) if s.kind == "missed"}
    assert missed == {20: True, 21: False}
