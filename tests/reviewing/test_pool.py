"""Which texts to annotate next."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cloudner.errors import ConfigError, InputError
from cloudner.folds.spans import LikelySpan
from cloudner.reviewing.pool import choose_texts, spread, uncertainty_of, word_vectors


def test_uncertainty_is_the_entropy_of_the_uncertain_spans():
    def of(*probabilities):
        return uncertainty_of([LikelySpan(i, i + 1, "PER", p) for i, p in enumerate(probabilities)])

    assert of() == of(0.01) == of(0.99, 0.98) == 0
    assert of(0.5) == of(0.5, 0.99, 0.01) == 1
    assert of(0.5, 0.9) == pytest.approx((1 + 0.4690) / 2, abs=1e-3)
    assert of(0.1) == pytest.approx(of(0.9))


def test_a_second_text_of_the_same_words_comes_after_others():
    texts = ["Ada went to Paris", "Ada went to Paris", "rain fell on the old harbour", "prices rose in March"]
    vectors = word_vectors([text.split() for text in texts])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert spread(vectors, np.array([0.9, 0.9, 0.5, 0.4]), 3) == [0, 2, 3]
    assert spread(vectors, np.array([0.9, 0.9, 0.5, 0.4]), 9) == [0, 2, 3, 1]
    assert spread(vectors, np.zeros(4), 2)[0] == 0  # nothing uncertain: any order, no text twice


def test_a_pool_of_every_kind_of_file(trained, tmp_path):
    (tmp_path / "a.txt").write_text(
        "Marie Curie lived in Rome.\n\nApple met Beats\nApple met Beats\n", "utf8"
    )
    (tmp_path / "b.jsonl").write_text('{"id": 1, "text": "Angela Merkel met Paris"}\n', "utf8")
    (tmp_path / "c.csv").write_text("id,text\n1,no entity stands there\n", "utf8")
    chosen = choose_texts(str(tmp_path / "*"), 10, model=trained, output=tmp_path / "out" / "texts.jsonl")
    assert sorted(each.text for each in chosen) == [
        "Angela Merkel met Paris", "Apple met Beats", "Marie Curie lived in Rome.", "no entity stands there",
    ]  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / "out" / "texts.jsonl").read_text("utf8").splitlines()]
    assert [row["text"] for row in rows] == [each.text for each in chosen]
    for row in rows:
        assert 0 <= row["uncertainty"] <= 1
        assert all(row["text"][e["start"] : e["end"]].strip() for e in row["entities"])
    assert trained.get_pipe("cloudner").cfg["spans_key"] is None  # as it was
    assert len(choose_texts(tmp_path / "a.txt", 1, model=trained)) == 1


def test_pools_that_cannot_be_used(trained, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=r"a\.csv:1: the columns x, y"):
        choose_texts(tmp_path / "a.csv", model=trained)
    (tmp_path / "b.txt").write_text("\n \n")
    with pytest.raises(InputError, match="no text"):
        choose_texts(tmp_path / "b.txt", model=trained)
    with pytest.raises(ConfigError, match="count = 0"):
        choose_texts(tmp_path / "b.txt", 0, model=trained)
