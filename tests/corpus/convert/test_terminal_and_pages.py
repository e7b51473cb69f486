"""What a file holds never reaches the terminal or a page as anything but text."""

import json
import re

import pytest
from typer.testing import CliRunner

from cloudner.cli import app
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.errors import InputError, printable
from corpus.converting import converted
from corpus.reading import put

EVIL = "\x1b]0;owned\x07\x1b[2J\u202eP"


def row(label):
    return json.dumps({"text": "Ann left.", "entities": [[0, 3, label]]}) + "\n"


def test_escape_sequences_are_shown_and_not_sent(tmp_path):
    report, docs = converted(tmp_path, "a.jsonl", row(EVIL))
    assert docs[0].ents[0].label_ == EVIL
    assert all(line.isprintable() for line in report.lines())
    assert any("\\x1b[2J" in line for line in report.lines())


def test_errors_are_one_printable_line(tmp_path):
    path = put(tmp_path, "a.jsonl", json.dumps({"text": "Ann", "entities": [[EVIL, 1, 2, 3, 4, 5]]}) + "\n")
    with pytest.raises(InputError) as error:
        convert(str(path), tmp_path / "a.spacy", format="jsonl")
    assert str(error.value).isprintable()


def test_printable_leaves_letters_of_all_scripts_alone():
    assert printable("Müller 北京 😀 العربية") == "Müller 北京 😀 العربية"
    assert printable("a\nb\x1b[0m") == "a b\\x1b[0m"


def test_markdown_of_a_corpus_has_no_links(tmp_path):
    path = put(tmp_path, "train.jsonl", row("[x](javascript:alert(1))") + row("`<img src=x>` ![y](z)"))
    text = inspect_corpus(str(path), encoder=None).to_markdown()
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "<img" not in text
    assert "![" not in text
    assert "\\[x\\](javascript:alert(1))" in text


def test_a_full_disk_leaves_no_half_page(tmp_path):
    path = put(tmp_path, "train.jsonl", row("PER"))
    done = CliRunner().invoke(
        app,
        ["inspect", str(path), "--encoder", "none", "--output", "/dev/full/corpus.html"],
        catch_exceptions=False,
    )
    assert done.exit_code == 1
    assert "cannot be written" in done.output + (done.stderr or "")
