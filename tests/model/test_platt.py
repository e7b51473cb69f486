"""Platt scaling of entities' probabilities: fitted, inverted, applied and saved."""

from __future__ import annotations

import json

import numpy as np
import pytest
import spacy

import tiny
from cloudner.errors import InputError
from cloudner.model.decoding.platt import Platt, fit_platt
from cloudner.report.evaluation.confidence import expected_calibration_error


def drawn(n: int, slope: float, bias: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.02, 0.98, n)
    return probability, rng.random(n) < Platt(slope, bias)(probability)


@pytest.mark.parametrize(("slope", "bias"), [(1.0, 0.0), (0.7, -0.5), (1.3, 0.4)])
def test_slope_and_bias_are_those_that_the_answers_were_drawn_with(slope, bias):
    probability, right = drawn(20_000, slope, bias)
    found = fit_platt(probability, right)
    assert found.slope == pytest.approx(slope, abs=0.06)
    assert found.bias == pytest.approx(bias, abs=0.06)
    assert expected_calibration_error(found(probability), right).ece < 0.015


def test_few_entities_move_it_little():
    sure = fit_platt(np.full(4, 0.9), np.zeros(4, dtype=bool))
    assert abs(sure.bias) < 0.2
    assert fit_platt(np.zeros(0), np.zeros(0, dtype=bool)) == Platt()


def test_no_slope_that_turns_confidences_round():
    probability, right = drawn(5_000, 1.0, 0.0)
    assert fit_platt(probability, ~right) == Platt()


def test_a_confidence_and_its_probability():
    scaling = Platt(0.8, -0.3)
    for confidence in (0.05, 0.5, 0.93):
        assert scaling(np.array([scaling.probability_at(confidence)]))[0] == pytest.approx(confidence)
    assert (scaling.probability_at(0.0), scaling.probability_at(1.0)) == (0.0, 1.0)
    probability = np.array([0.0, 0.2, 1.0])
    assert Platt()(probability) is probability
    assert np.diff(scaling(probability)).min() > 0


def test_confidences_threshold_and_candidates_are_scaled(bert, tmp_path):
    nlp = tiny.overfit(tiny.make_nlp(bert, config={"spans_key": "all", "spans_floor": 0.3}))
    pipe, text = nlp.get_pipe("cloudner"), tiny.DATA[0][0]
    before = [(e.text, e._.confidence) for e in nlp(text).ents]
    assert before
    scaling = Platt(0.5, -1.0)
    pipe.cfg["platt"] = list(scaling)
    expected = [(name, float(scaling(np.array([p]))[0])) for name, p in before]
    doc = nlp(text)
    found = [(e.text, e._.confidence) for e in doc.ents]
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [p for _, p in found] == pytest.approx([p for _, p in expected], rel=1e-4)
    assert min(doc.spans["all"].attrs["scores"]) >= 0.3
    nlp.to_disk(tmp_path / "saved")
    again = [(e.text, e._.confidence) for e in spacy.load(tmp_path / "saved")(text).ents]
    assert [p for _, p in again] == pytest.approx([p for _, p in found], abs=1e-5)
    pipe.cfg["threshold"] = max(p for _, p in found) + 1e-6
    assert not nlp(text).ents
    cfg = tmp_path / "saved" / "cloudner" / "cfg"
    cfg.write_text(json.dumps({**json.loads(cfg.read_text()), "platt": [0, 1]}))
    with pytest.raises(InputError, match="platt"):
        spacy.load(tmp_path / "saved")
