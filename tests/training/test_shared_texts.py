"""Dev documents that are trained on are told: their F1 flatters."""

from __future__ import annotations

import logging

import pytest

import cloudner
from training.test_fit import QUICK


def lines(start: int, count: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [
        (f"In {year} Ada Lovelace lived in Paris.", [(8, 20, "PER"), (30, 35, "LOC")])
        for year in range(start, start + count)
    ]


@pytest.mark.parametrize(
    ("dev", "told"),
    [
        (lines(1821, 6), ["3 of the 6 dev documents"]),
        ([*lines(1824, 6), ("Ada slept.", [(0, 3, "PER")])], []),  # a short text is the same by chance
    ],
)
def test_dev_documents_that_are_trained_on(bert, tmp_path, caplog, dev, told):
    train = [*lines(1800, 24), ("Ada slept.", [(0, 3, "PER")])]
    steps = {**QUICK, "training.max_steps": 1, "training.eval_frequency": 1}
    with caplog.at_level(logging.WARNING, "cloudner"):
        cloudner.train(train, dev, encoder=str(bert), output=tmp_path / "out", overrides=steps, device="cpu", show=False)  # fmt: skip
    said = [r.getMessage() for r in caplog.records if "in the training data too" in r.getMessage()]
    assert [line[: len("3 of the 6 dev documents")] for line in said] == told
