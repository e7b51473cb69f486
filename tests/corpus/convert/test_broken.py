"""Each broken file gives one clear line and leaves nothing half-written."""

import re

import pytest
from typer.testing import CliRunner

from cloudner.cli import app
from cloudner.corpus.convert.convert import convert
from cloudner.errors import CloudnerError
from corpus.samples.broken import BROKEN, make


@pytest.mark.parametrize("case", BROKEN)
def test_one_clear_line_and_no_output(case, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    path, says, line, settings = make(case, source)
    output = tmp_path / "out"
    output.mkdir()
    (output / "corpus.spacy").write_bytes(b"what was there before")
    with pytest.raises(CloudnerError) as caught:
        convert(path, output / "corpus.spacy", **settings)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 900  # the names of all formats are the longest part
    assert re.search(says, message)
    assert caught.value.expected or caught.value.fix
    if line is not None:
        assert f":{line}: " in message
    left = {p.name for p in output.iterdir()}
    assert left - {"corpus.spacy.issues.jsonl"} == {"corpus.spacy"}
    assert ("corpus.spacy.issues.jsonl" in left) == bool(settings.get("strict"))
    assert (output / "corpus.spacy").read_bytes() == b"what was there before"


def test_there_are_enough_cases():
    assert len(BROKEN) >= 60


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("gone.csv", "there is no such file"),
        ("gone/*.csv", "no file matches|there is no such file"),
        ("nothing", "holds no data file"),
        ("unknown", "no file in there"),
        ("memory://nowhere/gone.csv", "there is no such file|cannot be read|empty"),
        ("sss://bucket/x.csv", "no way to open this address"),
    ],
)
def test_sources_that_are_not_there(source, says, tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "README.md").write_text("# nothing")
    (tmp_path / "unknown").mkdir()
    (tmp_path / "unknown" / "notes").write_text("just some words\n")
    path = source if "://" in source else tmp_path / source
    with pytest.raises(CloudnerError, match=says):
        convert(path, tmp_path / "corpus.spacy")
    assert not (tmp_path / "corpus.spacy").exists()


def test_the_command_prints_one_line_and_exits_with_1(tmp_path):
    path, _, _, _ = make("ragged row", tmp_path)
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "corpus.spacy")])
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert f"{path}:42: a row of 3 cells" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "corpus.spacy").exists()
