from __future__ import annotations

import subprocess
import sys

import pytest
import srsly
from spacy.cli._util import app
from typer.testing import CliRunner

from .conftest import ruler


@pytest.fixture
def paths(corpus, tmp_path):
    model = ruler(
        [("Anna Berg", "PER"), ("Oslo", "LOC"), ("Acme", "ORG"), ("Globex", "ORG")], confidence=False
    )
    model.to_disk(tmp_path / "one")
    ruler([("Oslo", "LOC")], confidence=False).to_disk(tmp_path / "two")
    return tmp_path, *corpus


def command(*words):
    import cloudner.cli  # noqa: F401  registers the commands

    return CliRunner().invoke(app, ["cloudner", "evaluate", *map(str, words)])


def test_writes_every_format_and_ends_with_the_page(paths):
    folder, train, test = paths
    result = command(
        folder / "one", test, "--train", train, "--compare", folder / "two", "--output", folder / "m" / "report.html",
        "--json", folder / "j" / "metrics.json", "--markdown", folder / "report.md", "--rounds", 50,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = result.output.strip().splitlines()
    assert lines[-1] == str(folder / "m" / "report.html")
    page = (folder / "m" / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    metrics = srsly.read_json(folder / "j" / "metrics.json")
    assert metrics["ents_p"] == 1.0
    assert metrics["ents_r"] == pytest.approx(7 / 12)
    assert metrics["comparison"]["model"] == str(folder / "two")
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# Evaluation")
    assert "58.33" in result.output
    assert "missed" in result.output


def test_default_output_is_the_metrics_folder(paths, monkeypatch):
    folder, _, test = paths
    monkeypatch.chdir(folder)
    result = command("one", test, "--rounds", 10)
    assert result.exit_code == 0, result.output
    assert result.output.strip().splitlines()[-1] == "metrics/report.html"
    assert (folder / "metrics" / "report.html").exists()


def test_bad_input_is_one_line_and_exit_code_1(paths):
    folder, _, _ = paths
    result = command(folder / "one", folder / "none.spacy")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"cloudner: {folder / 'none.spacy'}: no such file; expected annotated data, or a folder of it"
    ]


@pytest.mark.slow
def test_as_a_user_types_it(paths):
    folder, _, test = paths
    done = subprocess.run(
        [sys.executable, "-m", "spacy", "cloudner", "evaluate", "one", str(test), "--rounds", "10"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1] == "metrics/report.html"


CODE = """
import spacy

@spacy.registry.callbacks("tests.from_code.v1")
def make():
    return lambda nlp: nlp
"""


def test_code_registers_what_the_pipeline_names(paths):
    """As `spacy evaluate --code` does: without it a pipeline with functions of one's own could be trained, not evaluated."""
    folder, _, test = paths
    config = folder / "one" / "config.cfg"
    named = '\n[nlp.after_creation]\n@callbacks = "tests.from_code.v1"\n'
    config.write_text(config.read_text().replace("after_creation = null\n", "") + named)
    (folder / "functions.py").write_text(CODE)
    asked = (folder / "one", test, "--rounds", 10, "--output", folder / "report.html")
    assert command(*asked).exit_code == 1
    result = command(*asked, "--code", folder / "functions.py")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "words",
    [
        "train cpu",
        "evaluate a b",
        "drift a b",
        "curve a",
        "cross-validate a",
        "tune a",
        "review a",
        "review --pool a",
        "annotate a b --model {model}",
        "serve {model} --port 0",
    ],
)
def test_every_command_that_makes_a_pipeline_takes_code(words, trained_folder):
    import cloudner.cli  # noqa: F401  registers the commands

    result = CliRunner().invoke(
        app, ["cloudner", *words.format(model=trained_folder).split(), "--code", "nowhere.py"]
    )
    assert result.exit_code == 1
    assert result.stderr.startswith("cloudner: nowhere.py: no such file")
