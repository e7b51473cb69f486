import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from cloudner.cli import app

MACHINES = "tests/hardware/machines"
run = CliRunner()


def call(*arguments):
    return run.invoke(app, [str(argument) for argument in arguments])


def test_doctor_on_this_machine():
    done = call("doctor", "--json")
    record = json.loads(done.stdout)
    assert record["hardware"]["torch_works"] == "ok"
    blocking = any(finding["severity"] == "blocking" for finding in record["findings"])
    assert done.exit_code == int(blocking)


def test_doctor_on_a_recorded_machine(request):
    folder = request.config.rootpath / MACHINES
    done = call("doctor", "--machine", folder / "broken-driver-too-old.json")
    assert done.exit_code == 1
    assert "blocking" in done.stdout
    assert 'fix: pip install "torch<2.11"' in done.stdout
    assert call("doctor", "--machine", folder / "a100.json").exit_code == 0


def test_doctor_with_a_bad_file(tmp_path):
    (tmp_path / "x.json").write_text("[]")
    done = call("doctor", "--machine", tmp_path / "x.json")
    assert done.exit_code == 1
    assert "not a recorded machine" in done.stderr


def test_plan_for_a_corpus(tmp_path):
    nlp = spacy.blank("en")
    DocBin(docs=[Doc(nlp.vocab, words=["word"] * 12)] * 40).to_disk(tmp_path / "train.spacy")
    done = call("plan", tmp_path / "train.spacy", "--format", "json", "--sky", tmp_path / "task.yaml")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["corpus"]["words"] == 480
    assert record["corpus"]["measured"]
    assert record["recommended"] == "T4"
    assert "T4: 1" in (tmp_path / "task.yaml").read_text()


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_plan_for_numbers(format):
    done = call("plan", "--sentences", 600000, "-e", "bert-base-cased", "--format", format)
    assert done.exit_code == 0
    assert "A100-40" in done.stdout
    assert "rule of thumb" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "neither a corpus nor --sentences"),
        (["nothing.spacy"], "no such file"),
        (["--sentences", "10", "--format", "xml"], "table, json or markdown"),
        (["--sentences", "10", "-e", "no/such"], "not known here"),
        (["--sentences", "10", "--price", "A10G"], "NAME=DOLLARS"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = call("plan", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
