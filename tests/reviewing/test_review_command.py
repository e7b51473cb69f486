"""The command: what it refuses, and that settings behind the corpus reach the training."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cloudner.cli import app


def invoke(*words):
    return CliRunner().invoke(app, ["review", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "neither a corpus nor --pool"),
        (["a.spacy", "--pool", "b.txt"], "a corpus and --pool"),
        (["a.spacy", "--model", "m"], "--model without --pool"),
        (["a.spacy", "--epochs", "3"], "there is no option --epochs"),
        (["a.spacy", "--config", "no.cfg"], "no.cfg: no such config"),
        (["a.spacy", "--count", "0"], "count = 0"),
        (["--pool", "b.txt", "--model", "no-such"], "no installed pipeline package 'no-such'"),
    ],
)
def test_one_line_says_what_is_wrong(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.txt").write_text("a text")
    result = invoke(*words)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert message in line


def test_settings_come_behind_the_corpus(tmp_path, monkeypatch):
    """A setting that does not exist is told as `cloudner train` tells it: it arrived there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cpu.cfg").write_text("[training]\nmax_epochs = 1\n")
    result = invoke("a.spacy", "b.spacy", "--config", "cpu.cfg", "--training.max_epoch", "3")
    assert result.exit_code == 1
    assert "--training.max_epoch: there is no such setting" in result.stderr


def test_texts_of_a_pool(trained_folder, tmp_path):
    (tmp_path / "pool.txt").write_text("Marie Curie lived in Paris\nApple met Beats\nno entity\n")
    result = invoke(
        "--pool", tmp_path / "pool.txt", "--model", trained_folder, "--count", 2, "--output", tmp_path / "o"
    )
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "o" / "texts.jsonl").read_text("utf8").strip().split("\n")) == 2


@pytest.mark.parametrize("config", [[], ["--config", "cpu"]])
def test_the_configs_of_the_package_are_known_in_any_folder(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("no.csv", *config)
    assert result.exit_code == 1
    assert "config" not in result.stderr  # it is the corpus that is missing
    assert "no.csv" in result.stderr
