"""The list of formats: written names that are true, imported when they are needed, plug-ins that fail alone."""

import subprocess
import sys
import warnings

import pytest

from cloudner.corpus.contract import Format, Match, Record
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import rank
from cloudner.corpus.formats.registry import (
    _WRITTEN,
    builtin,
    builtins,
    can_write,
    format_for_output,
    formats,
    get_format,
    plugins,
)
from cloudner.errors import ConfigError
from corpus.converting import docs_at, entities


@pytest.mark.parametrize("name", builtins())
def test_the_written_table_says_where_a_format_is(name):
    assert builtin(name).name == name


@pytest.mark.parametrize(("extension", "name"), _WRITTEN.items())
def test_the_format_of_an_extension_writes_files_of_that_name(extension, name):
    fmt = format_for_output(f"out{extension}")
    assert fmt.name == name
    assert can_write(fmt)
    assert extension in fmt.extensions


def test_every_extension_of_a_writable_format_is_written():
    extensions = {e for fmt in formats().values() if can_write(fmt) for e in fmt.extensions}
    assert extensions == set(_WRITTEN)


IMPORTED = """
import sys
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
source = next(open_sources(sys.argv[1]))
assert detect(source.sample(), source.name).format.name == sys.argv[2]
print(*(name.removeprefix("cloudner.corpus.formats.") for name in sys.modules if name.startswith("cloudner.corpus.formats.")))
"""


@pytest.mark.parametrize(
    ("file", "content", "name", "passed_over"),
    [
        ("a.csv", 'text,entities\nAnn left,"[[0, 3, ""PER""]]"\n', "csv", ["json.doccano", "xml.gate", "spacy.docbin", "text.braces"]),
        ("a.jsonl", '{"text": "Ann left", "entities": [[0, 3, "PER"]]}\n', "jsonl", ["xml.gate", "spacy.docbin", "text.opennlp"]),
        ("a.conll", "Ann B-PER\nleft O\n", "conll", ["json.doccano", "xml.gate", "tables.documents", "huggingface.rows"]),
    ],
)  # fmt: skip
def test_detection_imports_no_format_whose_sign_is_missing(tmp_path, file, content, name, passed_over):
    path = tmp_path / file
    path.write_text(content)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(path), name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    imported = done.stdout.split()
    assert len(imported) > 5
    assert not set(passed_over) & set(imported)


# What an installed package may bring, by the name of its module, and what the warning says of it.
BROKEN = {
    "raises": ("raise RuntimeError('no such library')", "does not load (RuntimeError: no such library)"),
    "imports": ("import a_package_that_is_not_there", "does not load (ModuleNotFoundError"),
    "offers_none": ("FORMAT = 'csv'", "offers no Format but str"),
    "clashes": (
        "from cloudner.corpus.contract import Format\n"
        "FORMAT = Format('csv', 'mine', ('.csv',), lambda sample: None, lambda source, options: iter(()))",
        "names its format 'csv', which is in use",
    ),
}  # fmt: skip


GOOD = (
    "from cloudner.corpus.contract import Format, Match, Record\n"
    "def sniff(sample): return Match(1.0, 'my mark') if sample.text.startswith('MINE') else None\n"
    "def read(source, options): yield Record(source.name, 1, 'hello there')\n"
    "FORMAT = Format('mine', 'my own', ('.mine',), sniff, read)\n"
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts distributions on `sys.path`, each with one module and one entry point of its name."""
    folder = tmp_path / "site"

    def put(**modules):
        for name, code in modules.items():
            info = folder / f"{name}-1.0.dist-info"
            info.mkdir(parents=True)
            (folder / f"plug_{name}.py").write_text(code)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[cloudner_formats]\n{name} = plug_{name}:FORMAT\n")
        plugins.cache_clear()

    monkeypatch.syspath_prepend(folder)
    yield put
    monkeypatch.undo()
    plugins.cache_clear()
    for name in [name for name in sys.modules if name.startswith("plug_")]:
        del sys.modules[name]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_plug_in_that_does_not_load_costs_its_own_format_only(broken, install, tmp_path, recwarn):
    code, problem = BROKEN[broken]
    install(**{broken: code, "good": GOOD})
    (tmp_path / "a.csv").write_text('text,entities\nAnn left,"[[0, 3, ""PER""]]"\n')
    (tmp_path / "a.mine").write_text("MINE\n")
    for name, fmt in (("a.csv", "csv"), ("a.mine", "mine"), ("a.csv", "csv")):
        report = convert(tmp_path / name, tmp_path / "out.spacy")
        assert report.detected[0][1] == fmt
    warned = [str(w.message) for w in recwarn if "cloudner_formats" in str(w.message)]
    assert len(warned) == 1
    assert f"{broken} = plug_{broken}:FORMAT" in warned[0]
    assert problem in warned[0]


def test_a_format_that_is_named_is_read_without_any_plug_in(install, recwarn):
    install(raises=BROKEN["raises"][0])
    assert get_format("csv").name == "csv"
    assert not recwarn.list
    with (
        pytest.warns(UserWarning, match="raises = plug_raises:FORMAT"),
        pytest.raises(ConfigError, match="no format is called 'mine'"),
    ):
        get_format("mine")


def test_a_plug_in_whose_sniff_fails_is_left_out_with_a_warning(install, tmp_path):
    install(odd=GOOD.replace("return Match(1.0, 'my mark')", "return 1 / 0"))
    path = tmp_path / "a.txt"
    path.write_text("MINE\n")
    with pytest.warns(UserWarning, match="the format mine of another package: ZeroDivisionError"):
        assert "mine" not in {found.format.name for found in rank(next(open_sources(path)).sample())}


NEW_PLACE = "from cloudner.corpus.contract import Format, Match, Record, SpanRecord\n"


# What CONTRIBUTING.md told packages to import before there was a `contract`.
OLD_PLACES = (
    "from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample, Source\n"
    "from cloudner.corpus.records import Record, SpanRecord\n"
)


@pytest.mark.parametrize(("imports", "warned"), [(NEW_PLACE, []), (OLD_PLACES, ["formats.base", "records"])])
def test_an_installed_format_is_known(imports, warned, tmp_path, monkeypatch):
    """What an entry point of the group `cloudner_formats` would give, written today or before the move."""
    package = tmp_path / "plug"
    package.mkdir()
    (package / "my_formats.py").write_text(
        imports
        + "def sniff(sample): return Match(1.0, 'my mark') if sample.text.startswith('MINE') else None\n"
        "def read(source, options):\n"
        "    for number, line in source.lines():\n"
        "        if number > 1: yield Record(source.name, number, line, [SpanRecord(0, 5, 'HI')])\n"
        "FORMAT = Format('mine', 'my own', ('.mine',), sniff, read)\n"
    )
    info = package / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cloudner_formats]\nmine = my_formats:FORMAT\n")
    (tmp_path / "a.mine").write_text("MINE\nhello there\n")
    monkeypatch.syspath_prepend(package)
    for name in ("my_formats", "cloudner.corpus.formats.base", "cloudner.corpus.records"):
        monkeypatch.delitem(sys.modules, name, raising=False)  # a fresh process, in which a module warns once
    plugins.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            report = convert(tmp_path / "a.mine", tmp_path / "a.spacy")
    finally:
        monkeypatch.undo()
        sys.modules.pop("my_formats", None)
        plugins.cache_clear()
    assert report.detected[0][1:] == ("mine", "my mark")
    assert docs_at(tmp_path / "a.spacy")[0].text == "hello there"
    assert entities(docs_at(tmp_path / "a.spacy")) == [[("hello", "HI")]]
    told = [w for w in caught if w.category is DeprecationWarning and "cloudner" in str(w.message)]
    assert [str(w.message).split(" ")[0] for w in told] == [f"cloudner.corpus.{name}" for name in warned]
    assert all("cloudner.corpus.contract" in str(w.message) and "my_formats" in w.filename for w in told)


def test_the_registry_holds_formats():
    assert all(isinstance(fmt, Format) and fmt.name == name for name, fmt in formats().items())
    assert len(formats()) >= 25
    with pytest.raises(ConfigError, match="--format doccano"):
        get_format("docano")
    assert isinstance(Match(0.5, "x"), tuple)
    assert Record("f", 1).notes == []
