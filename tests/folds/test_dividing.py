"""Documents divided into folds: copies together, each label in every fold where that is possible."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import spacy
from spacy.tokens import Doc, Span

from cloudner.errors import ConfigError
from cloudner.folds.dividing import divide, groups_of

NLP = spacy.blank("en")


def documents(label_sets) -> list[Doc]:
    """A document of its own words for each set of labels."""
    made = []
    for i, labels in enumerate(label_sets):
        # Digits do not tell texts apart, so the number is spelt.
        word = "".join(chr(97 + int(c)) for c in str(i))
        doc = NLP.make_doc(f"{word} saw {' '.join('x' for _ in labels)}")
        doc.set_ents([Span(doc, 2 + j, 3 + j, label) for j, label in enumerate(sorted(labels))])
        made.append(doc)
    return made


def folds_by_label(docs, part_of):
    found: dict[str, set[int]] = {}
    for doc, part in zip(docs, part_of, strict=True):
        for ent in doc.ents:
            found.setdefault(ent.label_, set()).add(part)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_label_whose_documents_were_taken_by_rarer_ones_is_in_every_fold(seed):
    # Stratification label by label puts both documents of A into one fold here, for seeds 0 and 1.
    docs = documents([{"C", "A"}, {"A", "D"}, {"B"}, {"B"}, {"C"}, *[set()] * 5])
    part_of = divide(docs, 2, seed)
    found = folds_by_label(docs, part_of)
    assert {label: found[label] for label in "ABC"} == {label: {0, 1} for label in "ABC"}
    assert Counter(part_of) == {0: 5, 1: 5}


@pytest.mark.parametrize("seed", range(3))
def test_random_corpora(seed):
    rng = random.Random(seed)
    labels = [f"L{n}" for n in range(12)]
    weights = [2.0**-n for n in range(12)]
    sets = [set(rng.choices(labels, weights, k=rng.randint(0, 4))) for _ in range(150)]
    docs = documents(sets)
    part_of = divide(docs, 5, seed)
    assert part_of == divide(docs, 5, seed)
    sizes = Counter(part_of)
    assert max(sizes.values()) - min(sizes.values()) <= 15
    counts = Counter(label for each in sets for label in each)
    found = folds_by_label(docs, part_of)
    for label, count in counts.items():
        assert len(found[label]) == min(5, count) if count >= 5 else len(found[label]) <= count


def test_what_no_division_can_do_ends():
    """Three labels, each in two of three documents: two folds cannot both have all of them."""
    docs = documents([{"A", "B"}, {"A", "C"}, {"B", "C"}, set()])
    found = folds_by_label(docs, divide(docs, 2, 0))
    assert sorted(map(len, found.values())) == [1, 2, 2]


def test_copies_and_groups_stay_together_while_labels_move():
    docs = documents([{"A", "B"}, {"A"}, {"C", "B"}, {"C"}, *[set()] * 4])
    docs += [NLP.make_doc(doc.text.upper() + "!") for doc in docs]
    docs[4].user_data["meta"] = docs[5].user_data["meta"] = {"group": "g"}
    for seed in range(5):
        part_of = divide(docs, 2, seed)
        by_group = {}
        for group, part in zip(groups_of(docs), part_of, strict=True):
            assert by_group.setdefault(group, part) == part
        assert part_of[:8] == part_of[8:]
        assert part_of[4] == part_of[5]


def test_too_few():
    with pytest.raises(ConfigError, match="8 different texts for 5 folds; expected 10 or more"):
        divide(documents([{"A"}] * 8), 5, 0)


def test_too_few_are_told_what_would_do():
    """`--folds 2` was advised to who had typed it."""
    with pytest.raises(ConfigError, match=r"8 different .* a larger corpus, or --folds 4$"):
        divide(documents([{"A"}] * 8), 5, 0)
    with pytest.raises(ConfigError, match=r"3 different .* for 2 folds; .* case, digits .* a larger corpus$"):
        divide(documents([{"A"}] * 3), 2, 0)
