"""Decoding and probabilities against sums over every path."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cloudner.model.decoding import viterbi
from cloudner.model.decoding.lattice import path_log_likelihood
from cloudner.model.decoding.sequences import Transitions
from cloudner.model.decoding.spans import candidate_spans, span_probabilities
from cloudner.model.decoding.viterbi import best_paths
from cloudner.pieces.scheme import TagScheme

LENGTHS = [3, 1, 4, 0, 2, 4]
OFFSETS = np.cumsum([0, *LENGTHS])


class Brute:
    """All valid paths of each sequence with their weights."""

    def __init__(self, scores, scheme, learned) -> None:
        self.best, self.z, self.spans = [], [], []
        for begin, end in itertools.pairwise(OFFSETS.tolist()):
            best, total, spans = (-math.inf, ()), 0.0, {}
            for path in itertools.product(range(scheme.n_tags), repeat=end - begin):
                tags = np.array(path, dtype=np.int64)
                bounds = np.array([0, len(path)])
                if len(path) and scheme.invalid(tags, bounds)[0]:
                    continue
                score = self.score(scores[begin:end], path, learned)
                best = max(best, (score, path))
                total += math.exp(score)
                for start, stop, label in scheme.decode(tags, bounds).tolist() if len(path) else ():
                    key = (start + begin, stop + begin, label)
                    spans[key] = spans.get(key, 0.0) + math.exp(score)
            self.best.append(best[1])
            self.z.append(total)
            self.spans.append({key: weight / total for key, weight in spans.items()})

    @staticmethod
    def score(scores, path, learned) -> float:
        score = sum(scores[i, tag] for i, tag in enumerate(path))
        if learned is not None and path:
            score += learned.start[path[0]] + learned.end[path[-1]]
            score += sum(learned.between[a, b] for a, b in itertools.pairwise(path))
        return float(score)


@pytest.fixture(params=[(n, c) for n in ("BIO", "BILUO") for c in (False, True)], ids=str, scope="module")
def case(request):
    name, crf = request.param
    scheme = TagScheme(("A", "B"), name)
    rng = np.random.default_rng(1)
    k = scheme.n_tags
    scores = rng.normal(size=(OFFSETS[-1], k)) * 2
    learned = Transitions(rng.normal(size=(k, k)), rng.normal(size=k), rng.normal(size=k)) if crf else None
    return scheme, scores, learned, Brute(scores, scheme, learned)


def test_best_paths(case):
    scheme, scores, learned, brute = case
    tags = best_paths(scores.copy(), OFFSETS, scheme, learned)
    assert not scheme.invalid(tags, OFFSETS).any()
    for i, (begin, end) in enumerate(itertools.pairwise(OFFSETS)):
        assert tuple(tags[begin:end]) == brute.best[i]


def test_span_probabilities_of_every_span(case):
    scheme, scores, learned, brute = case
    expected = {key: p for spans in brute.spans for key, p in spans.items()}
    spans = np.array(list(expected), dtype=np.int64)
    np.random.default_rng(2).shuffle(spans)
    found = span_probabilities(scores, OFFSETS, spans, scheme, learned)
    np.testing.assert_allclose(found, [expected[tuple(s)] for s in spans.tolist()], atol=1e-12)
    assert len(span_probabilities(scores, OFFSETS, spans[:0], scheme, learned)) == 0


@pytest.mark.parametrize("floor", [0.01, 0.1, 0.5])
def test_candidate_spans_are_all_above_the_floor(case, floor):
    scheme, scores, learned, brute = case
    expected = {key: p for spans in brute.spans for key, p in spans.items() if p >= floor}
    spans, probability = candidate_spans(scores, OFFSETS, scheme, floor, learned)
    assert {tuple(s) for s in spans.tolist()} == set(expected)
    assert spans.tolist() == sorted(spans.tolist())
    np.testing.assert_allclose(probability, [expected[tuple(s)] for s in spans.tolist()], atol=1e-12)
    assert len(expected) > 0 or floor == 0.5


def test_candidates_no_longer_than_asked_for(case):
    scheme, scores, learned, brute = case
    spans, _ = candidate_spans(scores, OFFSETS, scheme, 0.001, learned, longest=2)
    expected = {k for s in brute.spans for k, p in s.items() if p >= 0.001 and k[1] - k[0] <= 2}
    assert {tuple(s) for s in spans.tolist()} == expected


def test_path_log_likelihood(case):
    """Of a sequence that is not fully known, that of all paths which agree with what is."""
    scheme, scores, learned, brute = case
    tags = np.concatenate([np.array(p, dtype=np.int64) for p in brute.best])
    tags[1] = tags[OFFSETS[2]] = tags[-1] = -1
    tags[OFFSETS[4] : OFFSETS[5]] = -1  # nothing is known of this one
    total, known = 0.0, 0
    for i, (begin, end) in enumerate(itertools.pairwise(OFFSETS)):
        here = tags[begin:end]
        if not (here >= 0).any():
            continue
        agreeing = 0.0
        for path in itertools.product(range(scheme.n_tags), repeat=end - begin):
            found = np.array(path, dtype=np.int64)
            if (found == here)[here >= 0].all() and not scheme.invalid(found, np.array([0, len(path)]))[0]:
                agreeing += math.exp(Brute.score(scores[begin:end], path, learned))
        total += math.log(agreeing) - math.log(brute.z[i])
        known += int((here >= 0).sum())
    found = path_log_likelihood(scores, OFFSETS, tags, scheme, learned)
    assert known == OFFSETS[-1] - 5
    assert found == pytest.approx(total / known, abs=1e-12)
    assert path_log_likelihood(scores, OFFSETS, np.full(OFFSETS[-1], -1), scheme, learned) == 0.0


def test_gold_that_no_path_agrees_with_is_left_out():
    scheme, scores = TagScheme(("A",)), np.zeros((4, 3))
    tags = np.array([0, 2, -1, 0])  # an entity that goes on without having begun; then a sequence of its own
    assert path_log_likelihood(scores, np.array([0, 3, 4]), tags, scheme) == pytest.approx(math.log(1 / 2))


def test_nothing_to_decode():
    scheme = TagScheme(("A",))
    none = np.zeros((0, 3))
    assert best_paths(none, np.array([0, 0, 0]), scheme).tolist() == []
    spans, probability = candidate_spans(none, np.array([0]), scheme, 0.1)
    assert spans.shape == (0, 3)
    assert len(probability) == 0


@pytest.mark.parametrize("crf", [False, True])
def test_long_sequences_are_cut_only_where_nothing_depends_on_it(crf, monkeypatch):
    """Sequences beyond the limit give the path they give whole."""
    scheme = TagScheme(("A", "B"))
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(900, scheme.n_tags))
    quiet = rng.random(900) < 0.0
    for start in range(60, 900, 120):  # runs of tokens that are all O with ease
        quiet[start : start + 40] = True
    scores[quiet, 0] = 12.0
    k = scheme.n_tags
    learned = Transitions(*(rng.normal(size=s) * 0.5 for s in ((k, k), k, k))) if crf else None
    offsets = np.array([0, 900])
    whole = best_paths(scores.copy(), offsets, scheme, learned)
    monkeypatch.setattr(viterbi, "_LONG", 200)
    cut = best_paths(scores.copy(), offsets, scheme, learned)
    assert not scheme.invalid(cut, offsets).any()
    differing = np.flatnonzero(cut != whole)
    # A cut inside a quiet run replaces start and end scores for moves between O and O: nothing near an entity moves.
    assert not len(differing) or crf
    if crf:
        assert len(differing) <= 2


def test_scores_of_any_size_stay_finite():
    scheme = TagScheme(("A", "B"))
    scores = np.random.default_rng(0).normal(size=(3000, scheme.n_tags)) * 80
    offsets = np.array([0, 3000])
    tags = best_paths(scores, offsets, scheme)
    spans = scheme.decode(tags, offsets)
    probability = span_probabilities(scores, offsets, spans, scheme)
    assert np.isfinite(probability).all()
    assert (probability >= 0).all()
    assert (probability <= 1).all()


def test_probabilities_of_all_readings_of_one_token_sum_to_one(case):
    """Each token is in exactly one span or in none."""
    scheme, scores, learned, brute = case
    spans = np.array([key for s in brute.spans for key in s], dtype=np.int64)
    probability = span_probabilities(scores, OFFSETS, spans, scheme, learned)
    covered = np.zeros(OFFSETS[-1])
    for (start, end, _), p in zip(spans.tolist(), probability, strict=True):
        covered[start:end] += p
    assert (covered <= 1 + 1e-9).all()


def whole_viterbi(scores, scheme, learned):
    """The best valid path of one sequence, never cut."""
    between = np.where(scheme.allowed, learned.between, -1e9)
    best = scores[0] + np.where(scheme.may_start, learned.start, -1e9)
    back = []
    for row in scores[1:]:
        moved = best[:, None] + between
        back.append(moved.argmax(axis=0))
        best = moved.max(axis=0) + row
    path = [int((best + np.where(scheme.may_end, learned.end, -1e9)).argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return np.array(path[::-1])


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
def test_a_long_document_of_a_crf_is_decoded_whole(name):
    """Strong transitions carry across runs of O that win by a hair: nowhere may the document be cut."""
    random = np.random.default_rng(3)
    scheme = TagScheme(("LOC", "PER"), name)
    for _ in range(5):
        scores = random.normal(size=(3000, scheme.n_tags)) * 0.5
        scores[:, 0] = scores.max(axis=1) + 0.01
        shape = (scheme.n_tags, scheme.n_tags)
        learned = Transitions(
            random.normal(size=shape) * 3, random.normal(size=shape[0]), random.normal(size=shape[0])
        )
        expected = whole_viterbi(scores, scheme, learned)
        assert (best_paths(scores, np.array([0, 3000]), scheme, learned) == expected).all()
