"""The learning curve: real trainings on growing shares, a forecast that a known law confirms."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cloudner
from cloudner.errors import CloudnerError
from cloudner.studies.power_law import expect, fitted_gain

QUICK = {
    "training.max_epochs": 0, "training.max_steps": 12, "training.eval_frequency": 6, "training.batcher.batch_size": 4,
    "training.optimizer.learn_rate.total_steps": 13, "training.optimizer.learn_rate.initial_rate": 5e-3,
    "components.cloudner.model.mixed_precision": "fp32",
}  # fmt: skip
DATA = [(f"In {1800 + i} {n} lived in Paris.", [(8, 8 + len(n), "PER"), (18 + len(n), 23 + len(n), "LOC")]) for i in range(12) for n in ("Ada Byron", "Marie Curie")]  # fmt: skip


def test_a_power_law_is_found_again():
    sizes = np.array([100, 200, 400, 800])
    f1 = 1 - 2.0 * sizes**-0.4
    expected = (1 - 2.0 * 1000**-0.4) - f1[-1]
    assert fitted_gain(sizes, f1, 200) == pytest.approx(expected, rel=1e-9)
    assert fitted_gain(sizes, f1[::-1], 200) == 0  # what falls is not expected to rise
    assert fitted_gain(sizes, np.stack([f1, f1]), 200).shape == (2,)


def test_the_interval_holds_the_gain_and_narrows_with_documents():
    sizes = [100, 200, 400, 800]
    rng = np.random.default_rng(0)

    def counts(documents):
        found = []
        for n in sizes:
            right = rng.binomial(10, 1 - 2.0 * n**-0.4, size=documents)
            found.append(np.stack([right, np.full(documents, 10), np.full(documents, 10)], axis=1))
        return found

    few, many = (expect(sizes, counts(n), 200) for n in (30, 1000))
    for each in (few, many):
        assert each.low <= each.gain <= each.high
        assert each.f1 <= 1
    assert many.high - many.low < few.high - few.low


@pytest.fixture(scope="module")
def made(bert, tmp_path_factory):
    output = tmp_path_factory.mktemp("curve")
    options = {"encoder": str(bert), "output": output, "overrides": QUICK, "device": "cpu", "shares": (0.5, 1.0), "more": 20}  # fmt: skip
    return cloudner.curve(DATA, test=DATA[::3], **options), options


def test_the_curve_of_a_corpus(made):
    curve, options = made
    assert [p.documents for p in curve.points] == [10, 19]
    assert all(0 <= p.low <= p.f1 <= p.high <= 1 for p in curve.points)
    assert curve.evaluated == ("test", 8)
    assert curve.points[-1].seen is not None
    assert curve.expected.documents == 20
    kept = json.loads((options["output"] / "curve.json").read_text())
    assert [p["documents"] for p in kept["points"]] == [10, 19]
    page = (options["output"] / "curve.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "The next 20 documents" in page
    assert "<svg" in page
    assert "<table>" in curve._repr_html_()


def test_shares_that_are_done_are_not_trained_again(made, monkeypatch):
    curve, options = made
    (options["output"] / "share-050" / "point.json").unlink()
    times = {p: p.stat().st_mtime_ns for p in options["output"].glob("share-*/training/run.json")}
    again = cloudner.curve(DATA, test=DATA[::3], **options)
    changed = [p.parts[-3] for p, before in times.items() if p.stat().st_mtime_ns != before]
    assert changed == ["share-050"]
    assert [p.f1 for p in again.points][1] == curve.points[1].f1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shares": (1.0,)}, "two or more"),
        ({"shares": (0.5, 0.2)}, "rising"),
        ({"shares": (0.01, 1.0)}, "fewer than 5"),
        ({"more": -50}, "more = -50"),
    ],
)
def test_what_cannot_work_is_one_error(options, said, tmp_path):
    with pytest.raises(CloudnerError, match=said):
        cloudner.curve(DATA, output=tmp_path, **options)
