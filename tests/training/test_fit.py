"""`cloudner.train`: data as Python has it, the command's own training, a result that shows itself."""

from __future__ import annotations

import gc
import json
import sys
import threading
import weakref
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from thinc.api import Config

import cloudner
import tiny
from cloudner.errors import CloudnerError
from cloudner.training.output_folder import one_training
from cloudner.training.result import read_result
from cloudner.training.shipped import config_file, shipped_configs
from cloudner.training.silence import said
from training import runs

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "training.max_epochs": 0, "training.max_steps": 10, "training.eval_frequency": 5, "training.batcher.batch_size": 4,
    "training.optimizer.learn_rate.total_steps": 11, "training.optimizer.learn_rate.initial_rate": 5e-3,
    "components.cloudner.model.mixed_precision": "fp32",
}  # fmt: skip


def texts(path: Path) -> set[str]:
    return {doc.text for doc in DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)}


def pairs() -> list[tuple[str, list[tuple[int, int, str]]]]:
    made = [
        (f"In {1800 + i} Ada Lovelace lived in Paris.", [(8, 20, "PER"), (30, 35, "LOC")]) for i in range(24)
    ]
    return [*made, *made[:6], *tiny.DATA]


def test_the_packages_configs_are_the_repositorys():
    for path in (ROOT / "configs").glob("*.cfg"):
        assert shipped_configs()[path.stem].read_bytes() == path.read_bytes(), f"cp {path} src/cloudner/training/configs"  # fmt: skip
    assert len(shipped_configs()) == len(list((ROOT / "configs").glob("*.cfg"))) >= 4


def test_a_config_by_name_file_or_mapping(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_file("cpu", tmp_path) == shipped_configs()["cpu"]
    written = config_file(Config().from_disk(shipped_configs()["gpu"], interpolate=False), tmp_path)
    assert Config().from_disk(written) == Config().from_disk(shipped_configs()["gpu"])
    # what the documentation types, in a folder that is not the project's
    assert config_file("configs/cpu.cfg", tmp_path) == shipped_configs()["cpu"]
    with pytest.raises(CloudnerError, match="no such config"):
        config_file("elsewhere/cpu.cfg", tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "cpu.cfg").write_text("[nlp]\n")
    assert config_file("configs/cpu.cfg", tmp_path) == Path("configs/cpu.cfg")
    (tmp_path / "cpu").write_text("[nlp]\n")
    assert config_file("cpu", tmp_path) == Path("cpu")
    with pytest.raises(CloudnerError, match="one of cpu, gpu"):
        config_file("gqu", tmp_path)


@pytest.fixture(scope="module")
def result(bert, tmp_path_factory):
    output = tmp_path_factory.mktemp("fit") / "training"
    data = pairs()
    return cloudner.train(
        data, test=data[-4:], encoder=str(bert), output=output, overrides=QUICK, device="cpu", show=False
    )


def test_the_result_holds_the_training(result):
    assert result.path == result.path.parent / "model-best"
    assert set(result.scores) == {"dev", "test"}
    assert 0 < result.scores["dev"]["f1"] <= 1
    assert set(result.scores["dev"]["per_label"]) >= {"PER", "LOC"}
    assert result.scores["test"]["f1"] == result.test.strict.micro.f1
    assert [record["step"] for record in result.history] == [0, 5, 10]
    made = result.run["calibration"]  # whose shift of O, where it has one, decides what is found
    best = made["f1_after"] if made["o_shift"] else max(r["scores"]["ents_f"] for r in result.history)
    assert result.scores["dev"]["f1"] == pytest.approx(best, abs=1e-9)
    assert result.run.keys() == json.loads((result.path.parent / "run.json").read_text()).keys()
    assert result.nlp is result.nlp
    assert result.nlp.get_pipe("cloudner").labels == ("LOC", "ORG", "PER")
    assert json.loads(json.dumps(result.to_dict()))["scores"] == result.scores


def test_dev_is_split_off_by_document(result):
    train, dev = texts(result.corpora["train"]), texts(result.corpora["dev"])
    assert train & dev == set()
    assert train | dev == {text for text, _ in pairs()}
    rows = {name: (value, why) for name, value, why in result.settings}
    assert rows["dev"][1].startswith("80/20 of 34 documents")
    counts = [int(rows[name][0].split()[0]) for name in ("train", "dev")]
    assert sum(counts) == len(pairs())
    assert 5 <= counts[1] <= 9


def test_it_shows_itself(result):
    page = result._repr_html_()
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "dev, PER" in page
    assert "80/20 of 34 documents" in page
    assert repr(result).startswith("<TrainingResult ")


def test_nothing_is_printed_where_nothing_is_asked_for(bert, tmp_path, capsys):
    cloudner.train(
        pairs(), pairs(), encoder=str(bert), output=tmp_path, device="cpu", show=False, calibrate=False,
        overrides={**QUICK, "training.max_steps": 2, "training.eval_frequency": 2},
    )  # fmt: skip
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"device": "tpu"}, "device = 'tpu'"),
        ({"config": "no.cfg"}, "no such config"),
        ({"dev": tiny.DATA, "split": "80/20"}, "beside a dev corpus"),
        ({"test": tiny.DATA, "split": "80/10/10"}, "beside a test corpus"),
        ({"overrides": {"training.epochs": 3}}, "no such setting"),
    ],
)
def test_what_cannot_work_is_one_error(arguments, said, tmp_path):
    with pytest.raises(CloudnerError, match=said):
        cloudner.train(pairs(), output=tmp_path, **{"device": "cpu", "show": False, **arguments})


@pytest.mark.slow
def test_it_is_the_commands_training(bert, tmp_path):
    """The same corpus and settings: the same bytes as `cloudner train` writes."""
    one, other = tmp_path / "command", tmp_path / "python"
    for folder in (one, other):
        runs.write_corpus(folder / "corpus")
    runs.run(one, runs.command(one, bert, steps=11))
    words = runs.overrides(bert, steps=11)
    given = dict(zip([w[2:] for w in words[::2]], words[1::2], strict=True))
    code = (
        "import cloudner, sys, json; from spacy.cli._util import parse_config_overrides as parse; "
        f"cloudner.train('corpus/train.spacy', 'corpus/dev.spacy', config={str(runs.CONFIGS / 'cpu.cfg')!r}, "
        "device='cpu', calibrate=False, overrides=parse(sys.argv[1:]))"
    )
    places = {"paths.train": "corpus/train.spacy", "paths.dev": "corpus/dev.spacy"}
    words = [w for key, value in {**given, **places}.items() for w in (f"--{key}", value)]
    runs.run(other, [runs.sys.executable, "-c", code, *words])
    runs.assert_same(one, other)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            {"training.dropout": "x"},
            r"dropout = 'x': (Input should be a valid number|value is not a valid float)",
        ),
        ({"training.dev_corpus": 3}, "dev_corpus = 3"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_one_error_and_leaves_no_object_frozen(bert, tmp_path, override, said):
    """It ended the process (SystemExit), and a notebook kept all objects of that moment for ever."""
    with pytest.raises(CloudnerError, match=said):
        cloudner.train(
            pairs(),
            encoder=str(bert),
            output=tmp_path,
            overrides={**QUICK, **override},
            device="cpu",
            show=False,
        )
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("function", ["train", "cross_validate", "curve", "review"])
def test_one_at_a_time_writes_into_a_folder(function, bert, tmp_path):
    """The corpora of the one that runs were written over before the other was refused."""
    output, told = tmp_path / "out", []
    output.mkdir()
    call = getattr(cloudner, function)
    data = pairs()
    if function == "review":
        data = tmp_path / "train.jsonl"
        data.write_text(
            "".join(json.dumps({"text": text, "entities": spans}) + "\n" for text, spans in pairs())
        )

    def other() -> None:
        try:
            call(data, encoder=str(bert), output=output, overrides=QUICK)
        except CloudnerError as error:
            told.append(str(error))

    with one_training(output):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert "another training writes into this folder" in told[0]
        assert [path.name for path in output.iterdir()] == [".lock"]


def test_an_output_that_cannot_be_is_one_error_and_leaves_nothing(bert, tmp_path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(CloudnerError, match="cannot be written"):
        cloudner.train(pairs(), encoder=str(bert), output=tmp_path / "file" / "out", show=False)
    with pytest.raises(CloudnerError, match="no such config"):
        cloudner.train(pairs(), config="nosuch", output=tmp_path / "out", show=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_trainings_in_threads_take_turns(bert, tmp_path, capsys):
    """They shared the random numbers and what spaCy reads of a corpus, and left standard output to nobody."""
    found, before = {}, sys.stdout

    def run(name: str) -> None:
        made = cloudner.train(
            pairs(), encoder=str(bert), output=tmp_path / name, overrides=QUICK, device="cpu", show=False
        )
        found[name] = (made.path / "cloudner/model/model.safetensors").read_bytes(), made.scores["dev"]

    run("alone")
    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    capsys.readouterr()
    while any(thread.is_alive() for thread in threads):
        print("here")
        threads[-1].join(0.01)
    assert found["one"] == found["other"] == found["alone"]
    assert sys.stdout is before
    assert set(capsys.readouterr().out.split()) == {"here"}


def test_what_a_silent_training_starts_is_silent_too(capsys, monkeypatch, bert, tmp_path):
    """A step of a minute gets a line from a thread of the logger's own, which other threads' print is not."""
    from cloudner.report.loggers import console

    monkeypatch.setattr(console, "_SILENCE", 0.02)
    cloudner.train(
        pairs(), pairs(), encoder=str(bert), output=tmp_path, overrides=QUICK, device="cpu", show=False
    )  # fmt: skip
    assert capsys.readouterr().out == ""
    cloudner.train(pairs(), pairs(), encoder=str(bert), output=tmp_path, overrides=QUICK, device="cpu")
    assert " gone" in capsys.readouterr().out


def test_a_silent_training_shows_no_table_in_a_notebook(capsys, monkeypatch, bert, tmp_path):
    from cloudner.report.loggers import console

    def shown(*args):
        raise AssertionError("a table")

    monkeypatch.setattr(console, "in_notebook", lambda: True)
    monkeypatch.setattr(console, "NotebookTable", shown)
    overrides = {**QUICK, "training.max_steps": 2}
    cloudner.train(
        pairs(), pairs(), encoder=str(bert), output=tmp_path, overrides=overrides, device="cpu", show=False
    )  # fmt: skip
    assert capsys.readouterr().out == ""


def test_the_stream_of_a_silent_training_outlives_it(capsys):
    """Another thread may be in the middle of a `print` to it, which holds no reference: CPython crashed."""
    before = sys.stdout
    with said(False):
        stream = weakref.ref(sys.stdout)
        with said(False):
            print("inner")
        print("outer")
    assert sys.stdout is before
    gc.collect()
    print("after", file=stream())
    assert stream() is not None
    assert capsys.readouterr().out == "after\n"


def test_scores_are_read_to_the_last_digit(tmp_path):
    """srsly's reader makes 0.9743589744000001 of it, which is not what the log has."""
    best = tmp_path / "model-best"
    best.mkdir()
    (best / "meta.json").write_text('{"performance": {"ents_f": 0.9743589744}}')
    (tmp_path / "log.jsonl").write_text('{"scores": {"ents_f": 0.9743589744}, "score": 0.9743589744}\n')
    made = read_result(best, [], {}, "cpu")
    assert made.scores["dev"]["f1"] == made.history[0]["score"] == 0.9743589744
