"""The one F1 that all peers are counted by."""

import pytest
from benchmarks.score import scores, spans_of, tags_of, tags_of_characters

GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG", "O"]]


def test_exact_spans_count_and_others_do_not():
    assert scores(GOLD, GOLD)["f1"] == 1.0
    half = [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC", "O"]]  # a wrong end, a hit, a wrong label
    found = scores(GOLD, half)
    assert found["f1"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["precision"] == found["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert scores(GOLD, [["O"] * 4, ["O"] * 3])["f1"] == 0.0


def test_an_inside_tag_without_its_begin_counts_only_leniently():
    predicted = [["I-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG", "O"]]
    found = scores(GOLD, predicted)
    assert found["f1_lenient"] == 1.0
    assert found["f1"] == pytest.approx(0.8, abs=1e-4)  # 2 of 2 found, 2 of 3 asked for


def test_gold_with_stray_inside_tags_is_read_as_conlleval_reads_it():
    assert scores([["O", "I-PER", "I-PER"]], [["O", "B-PER", "I-PER"]])["f1"] == 1.0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="sentence 1: 2 tags predicted, 3 expected"):
        scores(GOLD, [GOLD[0], ["O", "O"]])
    with pytest.raises(ValueError, match="1 sentences predicted"):
        scores(GOLD, GOLD[:1])


def test_spans_and_tags_are_each_others_inverse():
    for tags in GOLD:
        assert tags_of(spans_of(tags), len(tags)) == tags
    assert spans_of(["B-A", "B-A", "I-A", "I-B"]) == [(0, 1, "A"), (1, 3, "A"), (3, 4, "B")]
    with pytest.raises(ValueError, match="overlaps"):
        tags_of([(0, 2, "A"), (1, 3, "B")], 3)


def test_character_spans_go_to_the_words_they_touch():
    words = ["Ada", "King", "-", "Noel", "left"]  # "Ada King - Noel left"
    assert tags_of_characters([(0, 8, "PER"), (11, 15, "LOC")], words) == [
        "B-PER",
        "I-PER",
        "O",
        "B-LOC",
        "O",
    ]
    assert tags_of_characters([(5, 6, "PER")], words) == ["O", "B-PER", "O", "O", "O"]  # part of a word
    assert tags_of_characters([(3, 4, "PER")], words) == ["O"] * 5  # the space alone
    assert tags_of_characters([(0, 3, "A"), (0, 8, "B")], words) == ["B-A", "B-B", "O", "O", "O"]
    assert tags_of_characters([(0, 3, "A"), (4, 8, "A")], words)[:2] == ["B-A", "B-A"]
