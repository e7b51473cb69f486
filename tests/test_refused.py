"""What the system refuses while a command runs, and names that no stream can write: one line, and nothing half written."""

from __future__ import annotations

import io
import os
import resource
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import spacy

from cloudner.cli import app
from cloudner.corpus.contract import Format
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats import registry
from cloudner.errors import InputError, printable
from cloudner.training.output_folder import put_folder

TEXT = '{"text": "Ann left.", "entities": [[0, 3, "PER"]]}\n'


@contextmanager
def files_of_at_most(size: int):
    """A limit of the file size stands for the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        app([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_full_standard_output_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.jsonl").write_text(TEXT)
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert command("convert", tmp_path / "a.jsonl", tmp_path / "a.spacy") == 1
        monkeypatch.undo()
        said = capsys.readouterr().err
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # what it holds goes nowhere as it is closed
    assert said.startswith("cloudner: cannot write: No space left on device")
    assert said.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "a.spacy"}


def test_a_name_that_is_not_utf_8_is_shown_by_its_bytes(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(TEXT)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    assert command("convert", tmp_path / "a.jsonl", tmp_path / os.fsdecode(b"\x80.spacy")) == 0
    assert b"\\udc80.spacy (1 documents)" in out.buffer.getvalue()
    assert printable("\ud83d Ann") == "\\ud83d Ann"


def test_a_writer_that_fails_at_its_end_ends_the_command(tmp_path, monkeypatch):
    """A full disk may show only as the file is closed, when all records have been handed over."""

    def write(records, path):
        assert len(list(records)) == 1
        raise OSError(28, "No space left on device")

    format = Format("late", "fails late", (".late",), lambda sample: None, lambda *_: iter(()), write_path=write)  # fmt: skip
    monkeypatch.setattr(registry, "formats", lambda known=registry.formats: {**known(), "late": format})
    monkeypatch.setattr(registry, "get_format", lambda name, get=registry.get_format: format if name == "late" else get(name))  # fmt: skip
    monkeypatch.setattr("cloudner.corpus.convert.convert.get_format", registry.get_format, raising=False)
    (tmp_path / "a.jsonl").write_text(TEXT)
    errors: list[BaseException] = []

    def run():
        try:
            convert(str(tmp_path / "a.jsonl"), str(tmp_path / "a.late"), to="late")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert "cannot be written: No space left on device" in str(errors[0])
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("size", [500, 20_000, 100_000])
def test_a_pipeline_that_finds_no_room_leaves_the_one_before(trained, tmp_path, size):
    """The tokenizer, or the weights, of which safetensors raises an error of its own."""
    target = tmp_path / "model-last"
    target.mkdir()
    (target / "old").write_text("old")
    with files_of_at_most(size), pytest.raises(InputError, match="cannot be written: File too large"):
        put_folder(target, lambda folder: trained.to_disk(folder))
    assert [path.name for path in tmp_path.rglob("*")] == ["model-last", "old"]


def test_texts_that_are_no_unicode(trained, tmp_path):
    """Read as plain texts, and not as an annotated corpus."""
    from cloudner.reviewing.pool import read_pool
    from cloudner.studies.texts import texts_of

    path = tmp_path / "a.jsonl"
    path.write_text(TEXT + '{"text": "Al \\ud83d"}\n')
    for read in (lambda: list(texts_of(path)), lambda: list(read_pool([str(path)], spacy.blank("en")))):
        with pytest.raises(InputError, match="half of a surrogate pair, which no text can hold, at character 3") as caught:  # fmt: skip
            read()
        assert (caught.value.file, caught.value.line) == (str(path), 2)


@pytest.mark.parametrize("content", ["[" * 100_000, '"\\ud800"', "NaN", ""])
def test_what_is_no_recorded_machine_and_no_predictions(tmp_path, content, capsys):
    (tmp_path / "a.jsonl").write_text(content)
    (tmp_path / "gold.jsonl").write_text(TEXT)
    assert command("doctor", "--machine", tmp_path / "a.jsonl") == 1
    assert command("evaluate", tmp_path / "a.jsonl", tmp_path / "gold.jsonl", "-o", tmp_path / "r.html") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "not a recorded machine" in said[0]
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "{gold}", "{gold}", "--rounds", "1" + 30 * "0"], "rounds = 1000"),
        (["evaluate", "{gold}", "{gold}", "--batch-size", "0"], "batch_size = 0; expected 1 to"),
        (["evaluate", "{gold}", "{gold}", "--train", ""], "an empty path"),
        (["annotate", "{gold}", "{out}", "-m", "{model}", "--encoding", "base64"], "encoding = 'base64'; expected a text encoding"),
        (["annotate", "{gold}", "{out}", "-m", "{model}", "--rows-per-piece", "1" + 30 * "0"], "rows_per_piece = 1000"),
        (["convert", "{gold}", "{out}.spacy", "--n-process", "1" + 30 * "0"], "n_process=1000"),
        (["convert", "{gold}", "{out}.spacy", "--spans", "\udc80"], r"spans='\udc80'"),
        (["convert", "{gold}", "{out}.spacy", "--apply", ""], "an empty path"),
        (["convert", "{gold}", "{out}.spacy", "--encoding", "base64"], "no text encoding is called 'base64'"),
        (["inspect", "{gold}", "--train", "", "-o", "{out}.html"], "cloudner: "),
        (["train", "{gold}", "-o", "{out}"], "gold.jsonl: the config cannot be read"),
        (["curve", "{gold}", "--config", "{gold}", "-o", "{out}"], "gold.jsonl: the config cannot be read"),
        (["train", "cpu", "-o", "{out}", "--ranks", "9" * 5000], 'expected a number of processes, or "gpus"'),
        (["drift", "{gold}", "{gold}", "--model", "", "-o", "{out}.html"], "cloudner: "),
    ],
)  # fmt: skip
def test_options_that_cannot_be_meant(words, message, tmp_path, trained_folder, capsys):
    (tmp_path / "gold.jsonl").write_text(TEXT)
    places = {
        "gold": str(tmp_path / "gold.jsonl"),
        "out": str(tmp_path / "out"),
        "model": str(trained_folder),
    }
    assert command(*(word.format(**places) for word in words)) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out.*"))
