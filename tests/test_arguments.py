"""Arguments of the wrong kind: one error that names the argument and its type, not an attribute that something has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin

import cloudner
from cloudner.errors import InputError

TEXTS = ["Ada Lovelace moved to Turin.", "Nothing happened."]
NLP = spacy.blank("xx")
WRONG: dict[str, Any] = {
    "int": 5,
    "bytes": b"Ada",
    "list": [],
    "texts": TEXTS,
    "generator": (text for text in TEXTS),
    "mapping": {"a": 1},
    "array": np.array(TEXTS),
    "scalar": np.array("Ada"),
    "doc": NLP.make_doc("Ada"),
    "docbin": DocBin(),
    "class": str,
}
# Each with the argument in question.
PIPELINES = {
    "load": lambda v, out: cloudner.load(v),
    "predict": lambda v, out: cloudner.predict(v, TEXTS),
    "predict_stream": lambda v, out: cloudner.predict_stream(v, TEXTS),
    "evaluate": lambda v, out: cloudner.evaluate(v, __file__),
    "calibrate": lambda v, out: cloudner.calibrate(v, "nowhere.spacy"),
    "drift": lambda v, out: cloudner.drift(TEXTS, TEXTS, model=v),
    "choose_texts": lambda v, out: cloudner.choose_texts("nowhere.txt", model=v),
    "annotate": lambda v, out: cloudner.annotate("nowhere.txt", out, model=v),
}
OUTPUTS = {
    "convert": lambda v: cloudner.convert("nowhere.csv", v),
    "train": lambda v: cloudner.train("nowhere.csv", output=v),
    "cross_validate": lambda v: cloudner.cross_validate("nowhere.csv", output=v),
    "curve": lambda v: cloudner.curve("nowhere.csv", output=v),
    "tune": lambda v: cloudner.tune("nowhere.csv", output=v),
    "review": lambda v: cloudner.review("nowhere.csv", output=v),
}
CORPORA = {
    "train": lambda v, out: cloudner.train(v, output=out),
    "cross_validate": lambda v, out: cloudner.cross_validate(v, output=out),
    "curve": lambda v, out: cloudner.curve(v, output=out),
    "tune": lambda v, out: cloudner.tune(v, output=out),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_no_pipeline(name: str, kind: str, tmp_path: Path) -> None:
    value = WRONG[kind]
    with pytest.raises(InputError, match=f"a pipeline of type {type(value).__name__}; expected "):
        PIPELINES[name](value, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_texts_and_pipeline_the_other_way_round() -> None:
    for function in (cloudner.predict, cloudner.predict_stream):
        with pytest.raises(
            InputError, match=r"a pipeline in the place of the texts; try: .*predict\(nlp, texts\)"
        ):
            function(TEXTS, NLP)
    with pytest.raises(InputError, match="a pipeline of type MultiLanguage"):
        cloudner.load(NLP)


@pytest.mark.parametrize("kind", ["int", "bytes", "list", "array", "doc"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_what_is_no_output(name: str, kind: str) -> None:
    if name == "tune":
        pytest.importorskip("optuna", reason="the extra `tune` is not installed")
    value = WRONG[kind]
    with pytest.raises(InputError, match=f"an output of type {type(value).__name__}; expected a path"):
        OUTPUTS[name](value)


@pytest.mark.parametrize("value", [None, 5, b"Ada", np.array("Ada"), DocBin(), NLP])
@pytest.mark.parametrize("name", CORPORA)
def test_what_is_no_corpus(name: str, value: Any, tmp_path: Path) -> None:
    if name == "tune":
        pytest.importorskip("optuna", reason="the extra `tune` is not installed")
    with pytest.raises(InputError, match=f"a corpus of type {type(value).__name__}; expected files"):
        CORPORA[name](value, tmp_path / "out")


@pytest.mark.parametrize("value", [None, 5, b"Ada", np.array("Ada"), DocBin(), {"a": 1}])
def test_what_is_no_texts(value: Any) -> None:
    with pytest.raises(InputError, match=f"texts of type {type(value).__name__}; expected texts, Docs"):
        cloudner.predict(NLP, value)
    with pytest.raises(InputError, match=f"texts of type {type(value).__name__}; expected texts, Docs"):
        cloudner.drift(value, TEXTS, model=NLP)


def test_what_is_no_file(tmp_path: Path) -> None:
    for value in (np.array("Ada"), b"Ada"):
        said = f"a {type(value).__name__} in the place of a file"
        for call in (cloudner.inspect_corpus, lambda v: cloudner.evaluate(NLP, v), cloudner.review):
            with pytest.raises(InputError, match=said):
                call(value)
    with pytest.raises(InputError, match="an empty path; expected a file, a folder"):
        cloudner.annotate("", tmp_path / "out", model=_saved(tmp_path))
    with pytest.raises(InputError, match=r"an empty path; expected a \.spacy file"):
        cloudner.plan("")
    with pytest.raises(InputError, match="a target of type NoneType; expected a folder or a URL"):
        cloudner.annotate("texts.txt", None)


def _saved(tmp_path: Path) -> Path:
    NLP.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_the_others() -> None:
    for value in (5, [], "cuda"):
        with pytest.raises(
            InputError, match=r"a machine of type \w+; expected what detect_hardware\(\) gives"
        ):
            cloudner.recommend(value)
        with pytest.raises(InputError, match="a machine of type"):
            cloudner.diagnose(value)
    with pytest.raises(InputError, match="an encoder of type list"):
        cloudner.time_training(["bert"])
    with pytest.raises(InputError, match="a config of type list; expected a path"):
        cloudner.train("nowhere.csv", config=[])
    for value in (5, [None], DocBin()):
        with pytest.raises(InputError, match="data to calibrate on of type"):
            cloudner.calibrate(NLP, value)
    with pytest.raises(InputError, match=r"no dev corpus in the pipeline's config: .* expected data"):
        cloudner.calibrate(NLP)


def test_a_service_of_what_is_no_pipeline() -> None:
    pytest.importorskip("uvicorn", reason="needs the extra cloudner[serve]")
    pytest.importorskip("fastapi", reason="needs the extra cloudner[serve]")
    from cloudner.serving.in_thread import serve_in_thread

    with pytest.raises(InputError, match="a pipeline of type list"), serve_in_thread(TEXTS):
        pass
