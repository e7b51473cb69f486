"""The example of every format is read by that format, and the page that shows them is what the formats say."""

import importlib.util
from pathlib import Path

import pytest
from spacy.cli._util import app
from typer.testing import CliRunner

from cloudner.corpus.contract import Format, ReadOptions
from cloudner.corpus.convert import layouts
from cloudner.corpus.convert.layouts import ENTITIES, TEXT, layout_lines, layout_of
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source
from cloudner.corpus.formats.registry import builtins, can_write, formats
from cloudner.errors import ConfigError
from corpus.reading import entities_of

ROOT = Path(__file__).resolve().parents[3]
EXPECTED = [(TEXT[start:end], label) for start, end, label in ENTITIES]
OTHERS = {
    "bc2gm": [("Marie Curie", "GENE"), ("Warsaw", "GENE")],
    "peoples-daily": [("王小明", "nr"), ("人民日报", "nt")],
}
NEEDS = {"parquet": "pyarrow", "arrow": "pyarrow"}


def put(folder: Path, name: str) -> str:
    """The example's files; the path of the first."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{name} is written by {NEEDS[name]}")
    files = layout_of(name)
    for file in files:
        (folder / file.name).write_bytes(file.content)
    return str(folder / files[0].name)


@pytest.mark.parametrize("name", builtins())
def test_an_example_is_recognised_and_read(name, aligner, tmp_path):
    source = next(open_sources(put(tmp_path, name)))
    # What is written as BILUO is read by the reader of all tag schemes.
    assert detect_source(source).format.name == ("conll" if name == "conll-biluo" else name)
    records = list(formats()[name].read(source, ReadOptions()))
    assert len(records) == 1
    docs = aligner.docs(records)
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == OTHERS.get(name, EXPECTED)
    assert aligner.take_issues() == []
    assert entities_of(aligner, records) == OTHERS.get(name, EXPECTED)


def test_formats_that_are_written_show_what_they_write():
    assert [
        name for name, fmt in formats().items() if name in builtins() and can_write(fmt) and fmt.example
    ] == []
    assert [
        name for name in builtins() if not can_write(formats()[name]) and not formats()[name].example
    ] == []


def test_the_page_is_what_the_formats_say():
    pytest.importorskip("pyarrow", reason="the page shows what it writes")
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    kept = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    assert kept == made.formats(), "python docs/make_reference.py"
    assert [name for name in builtins() if f"\n## {name}\n" not in kept] == []


def test_binary_files_show_what_is_in_them():
    (file,) = layout_of("spacy")
    assert file.binary
    assert file.shown.startswith('{"words": ["Marie", "Curie", "was"')


def test_the_command_shows_a_layout_and_the_names():
    import cloudner.cli  # noqa: F401

    def run(*words):
        return CliRunner().invoke(app, ["cloudner", "convert", *words])

    done = run("--layout", "brat")
    assert done.exit_code == 0, done.output
    assert done.output == "\n".join(layout_lines("brat")) + "\n"
    assert "T1\tPER 0 11\tMarie Curie" in done.output
    assert run("--layout", "brt").exit_code == 1
    listed = run("--formats").output.splitlines()
    assert [line.split()[0] for line in listed] == list(formats())
    assert run("--format", "brat").exit_code == 2  # without a source


def test_formats_of_other_packages(monkeypatch):
    """One with an example shows it; one without says so."""
    read = formats()["brat"].read
    mine = Format("mine", "mine", (".m",), lambda sample: None, read, example={"a.m": "x\n", "b.m": "y\n"})
    bare = Format("bare", "bare", (".b",), lambda sample: None, read)
    monkeypatch.setattr(layouts, "get_format", {"mine": mine, "bare": bare}.__getitem__)
    assert [(file.name, file.shown) for file in layout_of("mine")] == [("a.m", "x\n"), ("b.m", "y\n")]
    with pytest.raises(ConfigError, match="the format 'bare' shows no layout"):
        layout_of("bare")
