from __future__ import annotations

import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.report.evaluation.scores import (
    Score,
    count_arrays,
    scheme_scores,
    scores_by_length,
    scores_by_meta,
    scores_by_seen,
    strict_scores,
)

from .conftest import disturb, random_tags, score_documents, tagged_documents

# The examples of seqeval's own documentation and tests (README.md, tests/test_v1.py, tests/test_metrics.py).
SEQEVAL = [
    (
        [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
        [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
    ),
    ([["B-A", "B-B", "O", "B-A"]], [["O", "B-B", "B-C", "B-A"]]),
    ([["B-PER"]], [["B-ORG"]]),
    ([["B-PER", "I-PER"]], [["O", "O"]]),
    ([["O", "O"]], [["B-PER", "O"]]),
    ([["O"]], [["O"]]),
]


def equal_to_seqeval(gold, predicted):
    ours = strict_scores(tagged_documents(gold, predicted))
    theirs = classification_report(
        gold, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
    )
    # Its default mode counts like conlleval; on valid IOB2 tags the two are the same.
    assert classification_report(gold, predicted, output_dict=True, zero_division=0) == theirs
    assert set(ours.per_label) == set(theirs) - {"micro avg", "macro avg", "weighted avg"}
    for name, score in [
        *ours.per_label.items(), ("micro avg", ours.micro), ("macro avg", ours.macro), ("weighted avg", ours.weighted)
    ]:  # fmt: skip
        # Equal, not close: the same operations in the same order.
        assert (score.precision, score.recall, score.f1, score.gold) == (
            theirs[name]["precision"],
            theirs[name]["recall"],
            theirs[name]["f1-score"],
            theirs[name]["support"],
        )


@pytest.mark.parametrize(("gold", "predicted"), SEQEVAL[:-1])
def test_equals_seqeval_on_its_own_examples(gold, predicted):
    equal_to_seqeval(gold, predicted)


def test_published_figures_of_seqevals_examples():
    scores = strict_scores(tagged_documents(*SEQEVAL[0]))
    assert scores.micro.f1 == 0.5
    assert scores.per_label["MISC"].f1 == 0.0
    assert scores.per_label["PER"].f1 == 1.0
    scores = strict_scores(tagged_documents(*SEQEVAL[1]))
    assert scores.macro.f1 == 0.5555555555555555
    assert scores.weighted.f1 == 0.7777777777777777


def test_no_entity_at_all_scores_zero_and_does_not_fail():
    scores = strict_scores(tagged_documents(*SEQEVAL[-1]))
    assert scores.micro == Score(0, 0, 0)
    assert scores.macro.f1 == scores.weighted.f1 == scores.micro.f1 == 0.0


def test_equals_seqeval_on_many_documents(disturbed):
    equal_to_seqeval(*disturbed)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_equals_seqeval_on_any_tags(seed):
    rng = random.Random(seed)
    labels = [f"L{i}" for i in range(rng.randint(1, 12))]
    gold = [random_tags(rng, rng.randint(1, 15), labels) for _ in range(rng.randint(1, 8))]
    predicted = [disturb(rng, tags, labels) for tags in gold]
    if any(tag != "O" for tags in (*gold, *predicted) for tag in tags):
        equal_to_seqeval(gold, predicted)


# Correct, predicted and gold phrases a type behind the output example on conlleval's page
# (www.clips.uantwerpen.be/conll2000/chunking/output.html), and what that page prints for them.
CONLLEVAL = {
    "ADJP": ((0, 1, 6), ("0.00", "0.00", "0.00")),
    "ADVP": ((5, 11, 8), ("45.45", "62.50", "52.63")),
    "NP": ((206, 317, 262), ("64.98", "78.63", "71.16")),
    "PP": ((89, 107, 90), ("83.18", "98.89", "90.36")),
    "SBAR": ((2, 3, 6), ("66.67", "33.33", "44.44")),
    "VP": ((69, 100, 87), ("69.00", "79.31", "73.80")),
}


def test_equals_conlleval_on_its_output_example():
    gold, predicted = [], []
    for label, ((correct, found, there), _) in CONLLEVAL.items():
        tag = f"B-{label}"
        gold += [tag] * correct + [tag] * (there - correct) + ["O"] * (found - correct)
        predicted += [tag] * correct + ["O"] * (there - correct) + [tag] * (found - correct)
    scores = strict_scores(tagged_documents([gold], [predicted]))
    assert (scores.micro.gold, scores.micro.predicted, scores.micro.correct) == (459, 539, 371)
    for score, printed in [
        (scores.micro, ("68.83", "80.83", "74.35")),
        *((scores.per_label[label], printed) for label, (_, printed) in CONLLEVAL.items()),
    ]:
        assert tuple(f"{100 * value:.2f}" for value in (score.precision, score.recall, score.f1)) == printed


def spacy_and_ours(examples):
    return get_ner_prf(examples), strict_scores(score_documents(examples))


def test_equals_spacy_where_tokens_differ():
    nlp = spacy.blank("en")
    gold = Doc(
        nlp.vocab,
        words=["Anna", "Berg-Olsen", "left", "U.S.A", "today"],
        ents=["B-PER", "I-PER", "O", "B-LOC", "O"],
    )
    predicted = Doc(
        nlp.vocab,
        words=["Anna", "Berg", "-", "Olsen", "left", "U.S.", "A", "today"],
        spaces=[True, False, False, True, True, False, True, False],
        ents=["B-PER", "I-PER", "I-PER", "I-PER", "O", "B-LOC", "O", "O"],
    )
    examples = [Example(predicted, gold)]
    theirs, ours = spacy_and_ours(examples)
    assert (ours.micro.precision, ours.micro.recall, ours.micro.f1) == (
        theirs["ents_p"], theirs["ents_r"], theirs["ents_f"]
    )  # fmt: skip
    document = score_documents(examples)[0]
    # "U.S." lies on the gold token "U.S.A" and gets its bounds, in characters of the gold text.
    assert [document.text[e.start_char : e.end_char] for e in document.predicted] == [
        "Anna Berg-Olsen",
        "U.S.A",
    ]


def test_one_gold_entity_makes_one_prediction_right():
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=["New-York"], ents=["B-LOC"])
    predicted = Doc(nlp.vocab, words=["New", "-York"], spaces=[False, False], ents=["B-LOC", "B-LOC"])
    theirs, ours = spacy_and_ours([Example(predicted, gold)])
    assert ours.micro == Score(correct=1, predicted=2, gold=1)
    assert ours.micro.precision == theirs["ents_p"] == 0.5


def test_predictions_on_missing_annotation_are_ignored_as_in_spacy():
    nlp = spacy.blank("en")
    words = ["Oslo", "and", "Lagos", "and", "Rome"]
    gold = Doc(nlp.vocab, words=words, ents=["B-LOC", "O", "", "O", "O"])
    predicted = Doc(nlp.vocab, words=words, ents=["B-LOC", "O", "B-LOC", "O", "B-LOC"])
    theirs, ours = spacy_and_ours([Example(predicted, gold)])
    assert ours.micro == Score(correct=1, predicted=2, gold=1)
    assert ours.micro.precision == theirs["ents_p"]
    assert score_documents([Example(predicted, gold)])[0].ignored == 1


def test_documents_without_annotation_are_left_out():
    nlp = spacy.blank("en")
    examples = [Example(nlp.make_doc("Oslo"), nlp.make_doc("Oslo"))]
    assert score_documents(examples) == []


def test_equals_nervaluate_run_on_everything(disturbed):
    nervaluate = pytest.importorskip("nervaluate")

    documents = tagged_documents(*disturbed)
    ours = scheme_scores(documents)
    labels = ["LOC", "MISC", "ORG", "PER"]
    theirs = nervaluate.Evaluator(disturbed[0], disturbed[1], tags=labels, loader="list").evaluate()
    for scheme in ("strict", "exact", "partial", "ent_type"):
        for mine, other in [
            (ours["overall"][scheme], theirs["overall"][scheme]),
            *((ours["per_label"][label][scheme], theirs["entities"][label][scheme]) for label in labels),
        ]:
            for name, value in mine.items():
                assert value == getattr(other, name)


def test_scheme_scores_of_nothing_and_of_all_right():
    pytest.importorskip("nervaluate")
    assert scheme_scores(tagged_documents([["O"]], [["O"]]))["overall"] == {}
    tags = [["B-A", "I-A", "O"]]
    assert scheme_scores(tagged_documents(tags, tags))["overall"]["partial"]["f1"] == 1.0


def test_missing_nervaluate_is_told_with_what_to_type(monkeypatch):
    import sys

    from cloudner.errors import CloudnerError

    monkeypatch.setitem(sys.modules, "nervaluate", None)
    with pytest.raises(CloudnerError, match=r"pip install \"cloudner\[evaluate\]\""):
        scheme_scores(tagged_documents([["B-A"]], [["O"]]))


def test_parts_add_up_to_the_whole(disturbed):
    documents = tagged_documents(*disturbed)
    whole = strict_scores(documents).micro
    for i, document in enumerate(documents):
        document.meta["genre"] = "even" if i % 2 == 0 else "odd"
    train = {documents[0].surface(e): {e.label} for d in documents[:50] for e in d.gold}
    for parts in (
        scores_by_length(documents),
        scores_by_meta(documents, "genre"),
        scores_by_seen(documents, train),
    ):
        assert len(parts) > 1
        assert sum(parts.values(), Score()) == whole


def test_length_counts_words_and_puts_the_long_ones_together():
    gold = [["B-A", "O", "B-A", "I-A", "O", "B-A"] + ["I-A"] * 6]
    scores = scores_by_length(tagged_documents(gold, [["B-A"] + ["O"] * 11]))
    assert scores == {"1": Score(1, 1, 1), "2": Score(0, 0, 1), "5+": Score(0, 0, 1)}


def test_seen_means_this_text_with_this_label():
    words = [["Oslo", "Jordan", "Lagos", "oslo"]]
    documents = tagged_documents(
        [["B-LOC", "B-PER", "B-LOC", "B-LOC"]], [["B-LOC", "O", "B-LOC", "O"]], words
    )
    scores = scores_by_seen(documents, {"Oslo": {"LOC"}, "Jordan": {"LOC"}})
    assert scores == {
        "seen": Score(1, 1, 1),
        "seen with another label": Score(0, 0, 1),
        "unseen": Score(1, 1, 2),
    }


def test_meta_scores_are_empty_without_the_key():
    assert scores_by_meta(tagged_documents([["B-A"]], [["B-A"]]), "genre") == {}


def test_count_arrays_sum_to_the_scores(disturbed):
    documents = tagged_documents(*disturbed)
    scores = strict_scores(documents)
    counts = count_arrays(documents, list(scores.per_label))
    assert counts.shape == (300, 4, 3)
    for row, score in zip(counts.sum(axis=0), scores.per_label.values(), strict=True):
        assert tuple(row) == (score.correct, score.predicted, score.gold)
