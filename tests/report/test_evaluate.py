from __future__ import annotations

import json
import sys

import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.training import Corpus

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from cloudner.report.evaluate import _seen_note, evaluate
from cloudner.report.evaluation.inputs import training_record, training_surfaces
from cloudner.report.evaluation.scores import Score
from rendered import rendered_links

from .conftest import ruler, write_docs

needs_nervaluate = pytest.mark.skipif(sys.version_info < (3, 11), reason="nervaluate needs Python 3.11")


def test_figures_equal_those_of_spacys_own_evaluate(model, corpus):
    _, test = corpus
    evaluation = evaluate(model, test, rounds=50)
    theirs = model.evaluate(list(Corpus(test)(model)))
    ours = evaluation.to_dict()
    for key in ("ents_p", "ents_r", "ents_f", "ents_per_type"):
        assert ours[key] == theirs[key]
    assert evaluation.strict.micro == Score(correct=8, predicted=11, gold=12)
    assert ours["speed"] > 0


@needs_nervaluate
def test_everything_about_the_small_corpus(model, corpus):
    train, test = corpus
    evaluation = evaluate(model, [test], train=train, rounds=50)
    errors = {(e.kind, e.gold_text, e.predicted_text) for e in evaluation.errors}
    assert errors == {
        ("spurious", "", "Monday"),
        ("both", "New York Times", "New York"),
        ("type", "Jordan", "Jordan"),
        ("missed", "Amman", ""),
        ("missed", "Lagos", ""),
    }
    assert evaluation.by_seen["seen"] == Score(correct=4, predicted=5, gold=4)
    assert evaluation.by_seen["seen with another label"].gold == 1
    assert evaluation.group_key == "genre"
    assert set(evaluation.by_group) == {"news", "chat"}
    assert sum(evaluation.by_group.values(), Score()) == evaluation.strict.micro
    assert evaluation.calibration is not None
    assert evaluation.calibration.count == 11
    assert evaluation.schemes["overall"]["partial"]["partial"] == 1
    assert {e.source for e in evaluation.errors} <= {f"doc-{i}" for i in range(6)}
    assert evaluation.notes == []


def test_a_pipeline_without_confidence_has_no_calibration(corpus):
    evaluation = evaluate(ruler([("Oslo", "LOC")], confidence=False), corpus[1], rounds=10)
    # Another test may have registered the extension; its default is None then.
    assert evaluation.calibration is None
    assert evaluation.to_dict()["calibration"] is None


def test_loads_by_path_and_reads_folders_and_the_run_beside_the_model(model, corpus, tmp_path):
    folder = tmp_path / "training" / "model-best"
    folder.parent.mkdir()
    model.to_disk(folder)
    srsly.write_jsonl(folder.parent / "log.jsonl", [{"step": 0, "loss": 2.0}, {"step": 10, "loss": 1.0}])
    (folder.parent / "log.jsonl").open("a").write('{"step": 20, "lo')
    srsly.write_json(folder.parent / "run.json", {"hardware": {"device": "cpu"}})
    evaluation = evaluate(str(folder), tmp_path, rounds=10)
    assert len(evaluation.documents) == 7
    assert [record["step"] for record in evaluation.log] == [0, 10]
    assert evaluation.run == {"hardware": {"device": "cpu"}}
    assert evaluation.model == str(folder)
    assert training_record(None) == ([], {})


def test_comparison_with_a_second_pipeline(model, corpus):
    worse = ruler([("Oslo", "PER")])
    evaluation = evaluate(model, corpus[1], compare_with=worse, rounds=50)
    assert evaluation.comparison is not None
    assert evaluation.comparison.difference == evaluation.strict.micro.f1
    assert evaluation.comparison.f1[1] == evaluation.other_strict.micro.f1 == 0.0
    assert evaluation.comparison.documents == 6
    assert evaluation.comparison.p_value < 0.2
    same = evaluate(model, corpus[1], compare_with=model, rounds=50)
    assert same.comparison.p_value == 1.0


def test_json_survives_a_round_trip_and_markdown_has_the_figures(model, corpus):
    evaluation = evaluate(model, corpus[1], train=corpus[0], compare_with=ruler([("Oslo", "LOC")]), rounds=50)
    data = evaluation.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert len(data["errors"]) == 5
    assert "errors" not in evaluation.to_dict(errors=False)
    text = evaluation.to_markdown()
    assert "72.73" in text  # precision, 8 of 11
    assert "66.67" in text  # recall, 8 of 12
    for heading in (
        "## Labels",
        "## Seen in training",
        "## By genre",
        "## Mistakes",
        "## Comparison",
        "## Confidence",
    ):
        assert heading in text


def test_markdown_keeps_odd_labels_in_their_cells(tmp_path):
    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, words=["Oslo"])
    doc.set_ents([spacy.tokens.Span(doc, 0, 1, label="A|<b>*x*")])
    evaluation = evaluate(nlp, write_docs(tmp_path / "odd.spacy", [doc]), rounds=10)
    row = next(line for line in evaluation.to_markdown().splitlines() if "&lt;b&gt;" in line)
    assert row == "| A\\|&lt;b&gt;\\*x\\* | – | 0.00 | 0.00 | 1 | 0 |"


@pytest.mark.parametrize(
    "evil", ["[here](javascript:alert(1))", "<img src=x>", "![x](javascript:y)", "<javascript:x>"]
)
def test_markdown_has_no_link_whatever_the_labels_and_names(tmp_path, evil):
    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, words=["Oslo"])
    doc.set_ents([spacy.tokens.Span(doc, 0, 1, label=evil)])
    doc.user_data["meta"] = {"genre": evil}
    evaluation = evaluate(nlp, write_docs(tmp_path / "odd.spacy", [doc]), rounds=10)
    evaluation.model, evaluation.group_key = evil, evil
    evaluation.data, evaluation.notes = [evil], [evil]
    assert rendered_links(evaluation.to_markdown()) == []


@needs_nervaluate
def test_notes_tell_what_distorts_the_figures(tmp_path, corpus):
    evaluation = evaluate(spacy.blank("en"), corpus[1], rounds=10)
    assert "writes doc.ents" in evaluation.notes[0]
    evaluation = evaluate(ruler([("Oslo", "LOC")]), corpus[1], rounds=10)
    assert evaluation.notes == [
        "The gold data has labels the model does not know: ORG, PER. All their entities count as missed."
    ]
    nlp = spacy.blank("en")
    partly = Doc(nlp.vocab, words=["Oslo", "or", "Oslo"], ents=["B-LOC", "O", ""])
    evaluation = evaluate(
        ruler([("Oslo", "LOC")]), write_docs(tmp_path / "partly.spacy", [partly]), rounds=10
    )
    assert evaluation.notes[0].startswith("1 predictions lie on tokens without gold annotation")
    assert evaluation.strict.micro == Score(1, 1, 1)


def test_training_surfaces_keep_all_labels_of_a_text(corpus):
    assert training_surfaces(corpus[0]) == {"Oslo": {"LOC"}, "Globex": {"ORG"}, "Jordan": {"LOC"}}


def test_bad_input_is_told_in_one_line(tmp_path, model):
    with pytest.raises(InputError, match="no such file"):
        evaluate(model, tmp_path / "none.spacy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: the folder holds no data file"):
        evaluate(model, tmp_path / "empty")
    (tmp_path / "data.json").write_text("[]")
    with pytest.raises(InputError, match=r"data\.json:1: no format recognises this file"):
        evaluate(model, tmp_path / "data.json")
    (tmp_path / "broken.spacy").write_bytes(b"not a DocBin")
    with pytest.raises(InputError, match=r"broken\.spacy: not a complete \.spacy file"):
        evaluate(model, tmp_path / "broken.spacy")
    bare = write_docs(tmp_path / "bare.spacy", [spacy.blank("en").make_doc("Oslo")])
    with pytest.raises(InputError, match="no document with entity annotation"):
        evaluate(model, bare)
    with pytest.raises(InputError, match="no_such_pipeline"):
        evaluate("no_such_pipeline", bare)
    with pytest.raises(InputError, match="no data given"):
        evaluate(model, [])


def test_an_output_that_cannot_be_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(InputError, match="file: cannot be written"):
        evaluate("no_such_pipeline", tmp_path / "none.spacy", output=tmp_path / "file" / "report.html")


def test_a_group_that_no_document_has_is_noted(model, corpus):
    found = evaluate(model, corpus, group="nothing")
    assert "No document says its 'nothing'" in " ".join(found.notes)
    assert found.by_group == {}


def test_data_of_another_format_gives_the_figures_of_the_converted_file(model, corpus, tmp_path):
    train, test = corpus
    for name, path in (("train", train), ("test", test)):
        convert(path, tmp_path / f"{name}.jsonl")
    ours = evaluate(model, tmp_path / "test.jsonl", train=tmp_path / "train.jsonl", rounds=10)
    same = evaluate(model, test, train=train, rounds=10)
    assert ours.strict.micro == same.strict.micro
    assert ours.by_seen == same.by_seen


def test_data_is_read_as_the_config_says_of_the_dev_corpus(model, tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text('when,what\nOslo is cold,"[[0, 4, ""PLACE""]]"\n')
    with pytest.raises(InputError, match=r"gold\.csv"):
        evaluate(model, path)
    model.config["corpora"]["dev"] = {
        "@readers": "cloudner.Corpus.v1", "path": "elsewhere", "limit": 1,
        "format": "csv", "text_column": "when", "entities_column": "what", "labels": {"PLACE": "LOC"},
    }  # fmt: skip
    path.write_text(path.read_text() + 'Oslo again,"[[0, 4, ""PLACE""]]"\n')
    assert evaluate(model, path, rounds=10).strict.micro == Score(correct=2, predicted=2, gold=2)


@pytest.mark.parametrize(("seen", "new", "told"), [(38, 1, True), (30, 10, False), (10, 0, False)])
def test_entities_that_training_has_seen_are_told(seen, new, told):
    scores = {"seen": Score(gold=seen), "seen with another label": Score(), "unseen": Score(gold=new)}
    notes = _seen_note(scores)
    assert bool(notes) == told
    assert _seen_note(None) == _seen_note({}) == _seen_note({"unseen": Score(gold=99)}) == []
    if told:
        assert notes[0].startswith("97 %")


def test_predictions_with_entities_as_objects_are_scored_as_lists_are(tmp_path, model, corpus):
    docs = list(model.pipe(eg.text for eg in Corpus(corpus[1])(model)))
    lists, objects = tmp_path / "lists.jsonl", tmp_path / "objects.jsonl"
    srsly.write_jsonl(
        lists,
        [
            {"text": doc.text, "entities": [[e.start_char, e.end_char, e.label_] for e in doc.ents]}
            for doc in docs
        ],
    )
    srsly.write_jsonl(
        objects,
        [
            {
                "id": str(number),
                "text": doc.text,
                "entities": [
                    {
                        "start": e.start_char,
                        "end": e.end_char,
                        "label": e.label_,
                        "text": e.text,
                        "confidence": 0.75,
                    }
                    for e in doc.ents
                ],
                "error": None,
            }
            for number, doc in enumerate(docs)
        ],
    )
    of_lists, of_objects = (evaluate(str(file), corpus[1], rounds=10) for file in (lists, objects))
    assert of_objects.strict == of_lists.strict
    assert of_objects.strict.micro.correct > 0
    assert of_objects.calibration.count == of_objects.strict.micro.predicted
    assert of_lists.calibration is None
