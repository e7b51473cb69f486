"""What a training knows already it does not compute again: the dev data's scores, and the corpus that was read."""

from __future__ import annotations

import json

import pytest
from spacy.cli._util import parse_config_overrides
from spacy.tokens import Span
from spacy.training import Corpus

import cloudner.calibration
import tiny
from cloudner.calibration import calibrate
from cloudner.corpus.training.once import keep, kept_examples
from cloudner.training.batches import Batches, held
from cloudner.training.dev_scores import DevScores, dev_scores
from cloudner.training.run import train
from training import runs


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_calibration_takes_the_scores_of_the_best_evaluation(head, bert, tmp_path, monkeypatch):
    runs.write_corpus(tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    words = runs.overrides(bert, 25, **{"components.cloudner.model.head": head})

    def never(*args):
        raise AssertionError("loaded and predicted once more")

    with monkeypatch.context() as patch:
        patch.setattr(cloudner.calibration, "calibrate_these", never)
        best = train(runs.CONFIGS / "cpu.cfg", gpu_id=-1, overrides=parse_config_overrides(words))
    told = json.loads((tmp_path / "training" / "run.json").read_text())["calibration"]
    before = runs.files(best)
    assert told["documents"] == 8
    assert told["temperature"] > 0
    assert calibrate(best).to_dict() == told
    assert runs.files(best) == before  # cfg and meta.json are what `calibrate` writes


def heard(nlp, examples):
    scores = DevScores(nlp.get_pipe("cloudner"), lambda: examples)
    scores.listening(lambda: nlp.evaluate(examples))()
    scores.keep()
    return scores.best


def test_the_evidence_is_what_a_prediction_gives(bert):
    nlp = tiny.make_nlp(bert)
    nlp.batch_size = 2  # more batches than one
    examples = [*tiny.make_examples(nlp, tiny.DATA), *tiny.make_examples(nlp, [("", [])])]
    pipe = nlp.get_pipe("cloudner")
    found = heard(nlp, examples)
    expected = pipe.model.predict([eg.predicted for eg in examples])
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.scores == pytest.approx(expected.scores, abs=1e-5)
    assert len(found.gold) == len(found.scores)
    assert "_emit" not in vars(pipe)  # nobody listens any more


def test_scores_that_are_decoded_otherwise_are_not_kept(bert):
    nlp = tiny.make_nlp(bert)
    examples = tiny.make_examples(nlp, tiny.DATA)
    assert heard(nlp, examples) is not None
    doc = examples[0].predicted
    doc.ents = [Span(doc, 0, 1, "PER")]
    nlp.add_pipe("entity_ruler", before="cloudner").add_patterns([{"label": "ORG", "pattern": "Apple"}])
    assert heard(nlp, examples) is None
    assert (
        dev_scores(nlp, {"before_to_disk": None}, Corpus("dev.spacy"), lambda nlp: examples) is None
    )  # not one tagger alone


def test_what_initialisation_has_read_is_taken_up_by_the_loop(bert, tmp_path):
    runs.write_corpus(tmp_path)
    nlp = tiny.make_nlp(bert)
    corpus = Corpus(tmp_path / "train.spacy")
    with kept_examples() as read:
        nlp.initialize(lambda: corpus(nlp))
    assert [eg.reference.text for eg in read] == [eg.reference.text for eg in corpus(nlp)]
    batches = Batches(nlp, held(corpus, read), lambda examples: [list(examples)], 1)
    ((_, batch),) = batches
    assert {id(eg) for eg in batch} == {id(eg) for eg in read}
    # a reader that gives something else each time is asked again
    shuffled = Corpus(tmp_path / "train.spacy", shuffle=True)
    assert held(shuffled, read) is shuffled
    keep(read)  # outside: nothing is held
    with kept_examples() as nothing:
        pass
    assert nothing == []
