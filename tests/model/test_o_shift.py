"""The shift of O's score: fitted for F1 where the gold is known, applied where tags are chosen and nowhere else."""

from __future__ import annotations

import json
import logging
from collections import Counter

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin, Span

import tiny
from cloudner.calibration import calibrate, calibrate_with
from cloudner.errors import ConfigError, InputError
from cloudner.model.decoding.evidence import Evidence
from cloudner.model.decoding.o_shift import fit_o_shift, with_o_shifted
from cloudner.pieces.gold import gold_tags
from cloudner.pieces.scheme import OTHER, TagScheme

SCHEME = TagScheme(("A", "B"))


def drawn(documents: int, *, bias: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of one-token entities with noise, whose O is `bias` too high; offsets and gold tags."""
    rng = np.random.default_rng(seed)
    gold = rng.choice([0, 0, 0, 0, 1, 3], size=documents * 10)
    scores = rng.normal(0, 1.0, (len(gold), SCHEME.n_tags)).astype(np.float32)
    scores[:, [2, 4]] -= 20  # no entity goes on
    scores[np.arange(len(gold)), gold] += 3.0
    scores[:, 0] += bias
    return scores, np.arange(0, len(gold) + 1, 10), gold


@pytest.mark.parametrize("bias", [1.5, -1.5])
def test_a_bias_of_o_is_found_and_taken_away(bias):
    scores, offsets, gold = drawn(400, bias=bias)
    found = fit_o_shift(scores, offsets, gold, SCHEME)
    best = fit_o_shift(*drawn(400, bias=0.0), SCHEME)
    assert found.shift == pytest.approx(best.shift - bias, abs=0.5)
    assert found.f1_after > found.f1_before + 0.02
    assert found.f1_after == pytest.approx(best.f1_after, abs=0.01)


def test_f1_is_that_of_the_spans():
    scores, offsets, gold = drawn(60, bias=1.0)
    found = fit_o_shift(scores, offsets, gold, SCHEME)
    for shift, expected in ((0.0, found.f1_before), (found.shift, found.f1_after)):
        assert expected == pytest.approx(f1_at(scores, gold, shift))


def test_a_few_entities_move_little():
    """By chance O is too low in these; the probabilities, which are calibrated, say that it is not."""
    scores, offsets, gold = drawn(400, bias=0.0)
    scores = scores * 3.0  # log-odds of the model that they were drawn from: calibrated at temperature 1
    few = slice(0, 100)
    lean = scores[few].copy()
    lean[gold[few] == 0, 0] -= 2.5  # more false entities in ten documents than the probabilities expect
    found = fit_o_shift(lean, offsets[:11], gold[few], SCHEME)
    alone = max(
        np.arange(-2, 2.25, 0.25),
        key=lambda s: (round(f1_at(lean, gold[few], s), 9), -abs(s)),
    )
    assert abs(found.shift) < abs(alone)


def f1_at(scores: np.ndarray, gold: np.ndarray, shift: float) -> float:
    tags = with_o_shifted(scores, shift).argmax(1)
    return 2 * ((tags == gold) & (gold > 0)).sum() / ((tags > 0).sum() + (gold > 0).sum())


def test_where_nothing_is_to_be_gained_it_is_0():
    scores, offsets, gold = drawn(200, bias=0.0)
    scores[np.arange(len(gold)), gold] += 30
    found = fit_o_shift(scores, offsets, gold, SCHEME)
    assert (found.shift, found.f1_before, found.f1_after) == (0, 1, 1)
    nothing = fit_o_shift(scores, offsets, np.zeros_like(gold), SCHEME)
    assert (nothing.shift, nothing.f1_before) == (0, None)
    empty = fit_o_shift(scores[:0], np.zeros(1, np.int64), gold[:0], SCHEME)
    assert (empty.shift, empty.f1_before) == (0, None)


def test_tokens_without_annotation_count_for_nothing():
    scores, offsets, gold = drawn(300, bias=1.5)
    known = fit_o_shift(scores, offsets, gold, SCHEME)
    half = gold.copy()
    half[len(half) // 2 :] = -1
    scores[len(half) // 2 :, 0] -= 9  # an entity at every token of which nothing is known
    assert fit_o_shift(scores, offsets, half, SCHEME).shift == pytest.approx(known.shift, abs=0.5)


def test_the_scores_given_stay_as_they_are():
    scores = np.zeros((2, 5), np.float32)
    assert with_o_shifted(scores, 0.0) is scores
    assert with_o_shifted(scores, -1.5)[:, 0].tolist() == [-1.5, -1.5]
    assert not scores.any()


@pytest.fixture
def learnt(bert):
    return tiny.overfit(tiny.make_nlp(bert))


def spans(nlp):
    return [tiny.ents(nlp(text)) for text, _ in tiny.DATA]


def test_below_0_finds_more_and_confidences_stay(learnt):
    pipe, before = learnt.get_pipe("cloudner"), spans(learnt)
    assert any(before)
    sure = {(e.text, e.label_): e._.confidence for text, _ in tiny.DATA for e in learnt(text).ents}
    pipe.cfg["fitted_o_shift"] = 50.0
    assert not any(spans(learnt))
    pipe.cfg["fitted_o_shift"] = -50.0
    every = [learnt(text) for text, _ in tiny.DATA]
    assert all(token.ent_type_ for doc in every for token in doc)
    pipe.cfg["fitted_o_shift"] = -0.01
    again = {(e.text, e.label_): e._.confidence for text, _ in tiny.DATA for e in learnt(text).ents}
    assert again == pytest.approx(sure)
    pipe.cfg["o_shift"], pipe.cfg["fitted_o_shift"] = 0.0, 50.0  # a number of the config wins
    assert spans(learnt) == before


def test_it_is_saved_and_a_config_switches_it_off(learnt, tmp_path):
    before = spans(learnt)
    learnt.get_pipe("cloudner").cfg["fitted_o_shift"] = 50.0
    learnt.to_disk(tmp_path / "saved")
    assert not any(spans(spacy.load(tmp_path / "saved")))
    off = {"components.cloudner.o_shift": 0.0}
    assert spans(spacy.load(tmp_path / "saved", config=off)) == before
    cfg = tmp_path / "saved" / "cloudner" / "cfg"
    old = json.loads(cfg.read_text())
    del old["fitted_o_shift"], old["o_shift"]  # as pipelines were saved before there was one
    cfg.write_text(json.dumps(old))
    assert spans(spacy.load(tmp_path / "saved")) == before
    cfg.write_text(json.dumps({**old, "fitted_o_shift": "much"}))
    with pytest.raises(InputError, match="fitted_o_shift"):
        spacy.load(tmp_path / "saved")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "much", None])
def test_what_is_no_number_is_refused(bert, value):
    with pytest.raises((ConfigError, ValueError), match="o_shift"):
        tiny.make_nlp(bert, config={"o_shift": value})


@pytest.fixture
def half_missed(learnt):
    """O is so high that half of the entities are missed; and examples."""
    examples = tiny.make_examples(learnt, tiny.DATA * 20)
    pipe = learnt.get_pipe("cloudner")
    gold = gold_tags(examples, pipe.scheme)
    raw = pipe.model.predict([eg.predicted for eg in examples]).scores
    lead = np.median((raw[:, 1:].max(1) - raw[:, 0])[gold > 0])  # of entities over O
    linear = pipe._shim.network.head.linear
    for parameter in (linear.weight, linear.bias):
        parameter.data *= 1.0 / lead  # now about 1 ...
    linear.bias.data[0] += 1.0
    return learnt, examples, gold


def assert_told(folder, examples):
    """The scores in meta.json are those of the entities found now."""
    written = json.loads((folder / "meta.json").read_text())["performance"]
    scores = spacy.load(folder).evaluate(examples)
    for name in ("ents_p", "ents_r", "ents_f", "ents_per_type"):
        assert written[name] == scores[name]


def test_calibration_writes_what_an_evaluation_then_gives(half_missed, tmp_path):
    nlp, examples, gold = half_missed
    nlp.meta["performance"] = dict(nlp.evaluate(examples))
    for name in ("best", "again"):
        nlp.to_disk(tmp_path / name)
    pipe = nlp.get_pipe("cloudner")
    emissions = pipe.model.predict([eg.predicted for eg in examples])
    evidence = Evidence(emissions.scores, emissions.offsets, gold, pipe.scheme, None)
    result = calibrate_with(tmp_path / "best", "cloudner", evidence)
    assert result.o_shift < 0
    assert result.f1_after > result.f1_before == pytest.approx(nlp.meta["performance"]["ents_f"])
    assert_told(tmp_path / "best", examples)
    meta = json.loads((tmp_path / "best" / "meta.json").read_text())
    assert meta["cloudner"]["calibration"] == result.to_dict()
    assert calibrate(tmp_path / "best", examples) == result
    assert calibrate(tmp_path / "again", examples) == result
    assert_told(tmp_path / "again", examples)


def test_labels_that_only_the_data_has_count_as_missed_and_are_left_out(
    half_missed, tmp_path, caplog, monkeypatch
):
    nlp, examples, gold = half_missed
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    pipe = nlp.get_pipe("cloudner")
    for eg in examples[::4]:  # Marie Curie, who is found or missed
        eg.reference.set_ents([Span(eg.reference, 0, 2, "HUMAN")], default="unmodified")
    gold = np.where(named := tokens_of(examples, range(0, len(examples), 4), 2), OTHER, gold)
    others = Counter()
    assert gold_tags(examples, pipe.scheme, others=others).tolist() == gold.tolist()
    assert others == {"HUMAN": 20}
    assert named.sum() == 40
    nlp.meta["performance"] = dict(nlp.evaluate(examples))
    for name in ("best", "again"):
        nlp.to_disk(tmp_path / name)
    emissions = pipe.model.predict([eg.predicted for eg in examples])
    evidence = Evidence(emissions.scores, emissions.offsets, gold, pipe.scheme, None, others)
    result = calibrate_with(tmp_path / "best", "cloudner", evidence)
    assert result.o_shift < 0
    assert result.f1_before == pytest.approx(nlp.meta["performance"]["ents_f"])
    assert_told(tmp_path / "best", examples)  # by the same F1 as spaCy's scorer
    assert calibrate(tmp_path / "again", examples) == result
    assert_told(tmp_path / "again", examples)
    assert caplog.text.count("20 of the entities to calibrate on") == 2
    # The temperature is that of the same data with nothing annotated there.
    for eg in examples[::4]:
        eg.reference.set_ents([], missing=[Span(eg.reference, 0, 2)], default="unmodified")
    assert calibrate(tmp_path / "again", examples).temperature == pytest.approx(result.temperature)


def tokens_of(examples, numbers, first):
    """(tokens,) bool: the first tokens of these documents."""
    found = [np.arange(len(eg.predicted)) < first * (i in numbers) for i, eg in enumerate(examples)]
    return np.concatenate(found)


def test_what_the_whole_pipeline_finds_is_written(half_missed, tmp_path, caplog):
    """With other components, or a threshold, the F1 before is not that of the tagger's own entities."""
    nlp, examples, _gold = half_missed
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "dev.spacy")
    for name in ("train", "dev"):
        nlp.config["corpora"][name]["path"] = str(tmp_path / "dev.spacy")
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "ORG", "pattern": "Warsaw"}])
    nlp.get_pipe("cloudner").cfg["threshold"] = 0.2
    nlp.config["components"]["cloudner"]["threshold"] = 0.2
    nlp.meta["performance"] = dict(nlp.evaluate(examples))
    for name in ("dev", "other"):
        nlp.to_disk(tmp_path / name)
    before = nlp.meta["performance"]["ents_f"]
    assert calibrate(tmp_path / "dev").o_shift < 0
    assert_told(tmp_path / "dev", examples)
    calibrate(tmp_path / "other", examples)  # may be others than those scored
    assert "keeps the scores of before the calibration" in caplog.text
    kept = json.loads((tmp_path / "other" / "meta.json").read_text())["performance"]
    assert kept["ents_f"] == pytest.approx(before)
