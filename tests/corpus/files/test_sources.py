"""Files, patterns, folders, standard input, URLs, compression and encodings."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from functools import partial

import fsspec
import pytest

from cloudner.corpus.files.encoding import detect_encoding
from cloudner.corpus.files.sources import open_sources
from cloudner.errors import InputError

TEXT = "text,entities\nZoé in Köln,[]\n"


def names(*sources):
    return [source.name.rsplit("/", 1)[-1] for source in open_sources(sources)]


def zstd(raw):
    return pytest.importorskip("zstandard").ZstdCompressor().compress(raw)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)],
)
def test_compression_is_told_by_content(suffix, pack, tmp_path):
    for name in (f"a.csv{suffix}", "b.csv"):
        (tmp_path / name).write_bytes(pack(TEXT.encode()))
        source = next(open_sources(tmp_path / name))
        assert source.text() == TEXT
        assert list(source.lines()) == [(1, "text,entities"), (2, "Zoé in Köln,[]")]
        assert source.sample().name == ("a.csv" if suffix in name else "b.csv")


def test_zip_members_and_what_lies_beside_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/one.csv", TEXT)
        archive.writestr("x/two.ann", "T1\tPER 0 3\tZoé")
        archive.writestr("x/two.txt", "Zoé")
        archive.writestr("__MACOSX/x/._one.csv", "rubbish")
        archive.writestr("README.md", "hello")
        archive.writestr("x/packed.csv.gz", gzip.compress(TEXT.encode()))
    sources = {source.name.rsplit("!", 1)[1]: source for source in open_sources(tmp_path / "a.zip")}
    assert list(sources) == ["x/one.csv", "x/two.ann", "x/packed.csv.gz"]
    assert sources["x/packed.csv.gz"].text() == TEXT
    assert sources["x/two.ann"].sibling(".txt").text() == "Zoé"
    assert sources["x/one.csv"].neighbour("two.txt").text() == "Zoé"
    assert sources["x/one.csv"].sibling(".txt") is None


def test_patterns_folders_and_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("2.csv", "1.csv", "b/3.csv", "notes.md", ".git/config", "LICENSE"):
        (tmp_path / name).write_text(TEXT)
    assert names(tmp_path / "*.csv") == ["1.csv", "2.csv"]
    assert names(f"{tmp_path}/**/*.csv") == ["1.csv", "2.csv", "3.csv"]
    assert names(tmp_path) == ["1.csv", "2.csv", "3.csv"]
    assert names(tmp_path / "2.csv", tmp_path / "1.csv") == ["2.csv", "1.csv"]


def test_standoff_pairs_are_one_source(tmp_path):
    (tmp_path / "a.txt").write_text("Zoé")
    (tmp_path / "a.ann").write_text("")
    (tmp_path / "b.txt").write_text("alone")
    sources = list(open_sources(tmp_path))
    assert [source.base_name for source in sources] == ["a.ann", "b.txt"]
    assert sources[0].sibling(".txt").text() == "Zoé"


@pytest.mark.parametrize("described_by", ["dataset_info.json", "state.json"])
def test_a_description_hides_no_data(described_by, tmp_path):
    """A data set of the hub has a dataset_info.json beside its files; only one that was saved has Arrow files."""
    folder = tmp_path / "set"
    (folder / "later").mkdir(parents=True)
    for name in ("one.csv", "later/two.csv"):
        (folder / name).write_text(TEXT)
    (folder / described_by).write_text('{"features": {}}')
    assert [name for name in names(folder) if name != "state.json"] == ["two.csv", "one.csv"]
    (folder / "data-0.arrow").write_bytes(b"rows")
    assert names(folder) == ["data-0.arrow", "two.csv"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("one.csv", "dataset_info.json"):
            archive.write(folder / name if (folder / name).exists() else folder / described_by, name)
    assert names(tmp_path / "a.zip") == ["a.zip!one.csv"]


def test_standard_input(tmp_path, monkeypatch):
    for raw in (TEXT.encode(), gzip.compress(TEXT.encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        (text,) = [source.text() for source in open_sources("-")]
        assert text == TEXT
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="nothing came in"):
        list(open_sources("-"))


def test_any_store_that_fsspec_opens():
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/a/1.csv", TEXT.encode())
    store.pipe("/bucket/a/2.csv.gz", gzip.compress(TEXT.encode()))
    store.pipe("/bucket/a/x.ann", b"T1\tPER 0 3\tabc")
    store.pipe("/bucket/a/x.txt", b"abc")
    sources = list(open_sources("memory://bucket/a/*.csv*"))
    assert [source.text() for source in sources] == [TEXT, TEXT]
    folder = {source.base_name: source for source in open_sources("memory://bucket/a")}
    assert list(folder) == ["1.csv", "2.csv", "x.ann"]
    assert folder["x.ann"].sibling(".txt").text() == "abc"
    with pytest.raises(InputError, match="no file matches"):
        list(open_sources("memory://bucket/a/*.json"))


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("Zoé", "utf-8", "utf-8"),
        ("Zoé", "utf-8-sig", "utf-8-sig"),
        ("Zoé,abc" * 20, "utf-16", "utf-16"),
        ("Zoe,abc\n" * 20, "utf-16-le", "utf-16-le"),
        ("Zoe,abc\n" * 20, "utf-16-be", "utf-16-be"),
        ("Zoé,abc" * 20, "utf-32", "utf-32"),
        ("Die Prüfung für Jürgen Müller in Köln – „schön“\n" * 20, "cp1252", "cp1252"),
        ("北京大学位于中国的首都北京市海淀区，是中国的著名大学。\n" * 20, "gb18030", None),
        ("Это предложение на русском языке о городе Москве.\n" * 20, "cp1251", "cp1251"),
    ],
)
def test_encodings(text, encoding, expected, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    found = detect_encoding(partial(open, path, "rb"), "a.txt")
    assert expected is None or found == expected
    assert next(open_sources(path)).text() == text


def test_a_late_character_in_another_encoding_decides(tmp_path):
    """A Latin-1 file that is ASCII for its first megabyte and more."""
    path = tmp_path / "a.txt"
    path.write_bytes(
        b"plain words\n" * 150_000 + "Prüfung für Jürgen Müller, schöne Grüße\n".encode("cp1252") * 20
    )
    assert next(open_sources(path)).text().endswith("schöne Grüße\n")


def test_a_sample_never_cuts_a_character_off(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("é" * 100_000 + "\nend\n", encoding="utf-8")
    sample = next(open_sources(path)).sample()
    assert sample.truncated
    assert set(sample.text) <= {"é", "\ufffd"}


def test_lines_end_at_line_ends_only(tmp_path):
    """A line separator or a form feed inside a text is no line end (`str.splitlines` says it is)."""
    path = tmp_path / "a.txt"
    path.write_bytes("a\u2028b\x0cc\r\nd\x85e\rf\n".encode())
    assert list(next(open_sources(path)).lines()) == [(1, "a\u2028b\x0cc"), (2, "d\x85e"), (3, "f")]


def test_neighbours_stay_inside(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text("{}")
    source = next(open_sources(tmp_path / "in" / "a.json"))
    for name in ("../secret", "/etc/passwd", "c:/x", "a/../../b"):
        with pytest.raises(InputError, match="outside its folder"):
            source.neighbour(name)
    assert source.neighbour("b.txt") is None
