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


def test_the_bar_follows_the_file(tmp_path):
    (tmp_path / "a.csv").write_text(rows(20_000))
    (tmp_path / "b.csv").write_text(rows(1))
    bar = _Bar()
    seen = []
    with bar as update:

        def progress(source, docs):
            update(source, docs)
            (task,) = bar._progress.tasks
            seen.append((task.description, task.percentage, task.fields["docs"], task.fields["rate"]))

        convert([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "a.spacy", progress=progress)
    first = [percent for name, percent, _, _ in seen if name.endswith("a.csv")]
    assert first == sorted(first)
    assert len({round(percent) for percent in first}) > 5  # it moves within the file
    assert seen[-1][:3] == (str(tmp_path / "b.csv"), 100.0, 20_001)
    assert all(rate > 0 for *_, rate in seen)


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
