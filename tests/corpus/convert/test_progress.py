"""The bar of `cloudner convert`: documents, rate, the time left of the file; only where a person looks."""

import os
import pty
import re
import subprocess
import sys

import pytest

from cloudner.cli.convert import _Bar
from cloudner.corpus.convert.convert import convert


def rows(count):
    return "text,entities\n" + "Marie met nobody at all,0:5:PER\n" * count


def test_progress_follows_the_file(tmp_path):
    (tmp_path / "a.csv").write_text(rows(20_000))
    (tmp_path / "b.csv").write_text(rows(1))
    seen = []

    def progress(source, docs):
        seen.append((source.name, source.disk_position / source.size, docs))

    convert([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "a.spacy", progress=progress)
    first = [share for name, share, _ in seen if name.endswith("a.csv")]
    assert first == sorted(first)
    assert len({round(100 * share) for share in first}) > 5  # it moves within the file
    assert seen[-1] == (str(tmp_path / "b.csv"), 1.0, 20_001)


def test_the_bar_shows_the_file_its_documents_and_their_rate(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "a.csv").write_text(rows(20_000))
    (tmp_path / "b.csv").write_text(rows(1))
    with _Bar() as update:
        convert([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "a.spacy", progress=update)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    counts = [
        int(count.replace(",", "")) for count in re.findall(r"a\.csv.*? ([\d,]+) documents, [\d,]+/s", text)
    ]
    assert counts == sorted(counts)
    assert len(set(counts)) > 1
    assert re.search(r"b\.csv.* 20,001 documents, [\d,]+/s", text)


def test_a_file_of_unknown_size_and_rows(tmp_path):
    row = {"tokens": ["Ada"], "ner_tags": ["B-PER"]}
    with _Bar() as update:
        assert convert((row for _ in range(200)), tmp_path / "a.spacy", progress=update).docs == 200


@pytest.mark.slow
def test_in_a_terminal(tmp_path):
    """Through the command, its stderr a terminal: rate and time left are shown."""
    (tmp_path / "a.csv").write_text(rows(60_000))
    primary, secondary = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "spacy",
        "cloudner",
        "convert",
        str(tmp_path / "a.csv"),
        str(tmp_path / "a.spacy"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=secondary, env={**os.environ, "COLUMNS": "160", "TERM": "xterm"})  # fmt: skip
    os.close(secondary)
    shown = b""
    try:
        while block := os.read(primary, 1 << 16):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(primary)
    assert process.wait() == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode()
    assert re.search(r"[\d,]+ documents, [\d,]+/s +\d:\d\d:\d\d", text)
