"""Tar archives, compressed or not, read as zip archives are."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile

import fsspec
import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.errors import InputError

TEXT = "text,entities\nZoé in Köln,[]\n"


def tar(members, format=tarfile.PAX_FORMAT):
    """The bytes of a tar. members: name -> content, or a TarInfo type for what is no plain file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, (str, bytes)) and content not in tarfile.SUPPORTED_TYPES:
                raw = content.encode() if isinstance(content, str) else content
                info.size = len(raw)
                archive.addfile(info, io.BytesIO(raw))
            else:
                info.type, info.linkname = content, "/etc/passwd"
                archive.addfile(info)
    return stream.getvalue()


def zstd(raw):
    return pytest.importorskip("zstandard").ZstdCompressor().compress(raw)


MEMBERS = {
    "./x": tarfile.DIRTYPE,
    "./x/one.csv": TEXT,
    "./x/two.ann": "T1\tPER 0 3\tZoé",
    "./x/two.txt": "Zoé",
    "./x/._one.csv": "rubbish",
    "./README.md": "hello",
    "./x/packed.csv.gz": gzip.compress(TEXT.encode()),
}


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "data"])
def test_members_and_what_lies_beside_them(format, pack, name, tmp_path):
    (tmp_path / name).write_bytes(pack(tar(MEMBERS, format)))
    # read after the last one has been listed, as the corpus reader does
    sources = {source.name.rsplit("!", 1)[1]: source for source in open_sources(tmp_path / name)}
    assert list(sources) == ["x/one.csv", "x/two.ann", "x/packed.csv.gz"]
    assert sources["x/one.csv"].name == f"{tmp_path / name}!x/one.csv"
    assert sources["x/one.csv"].text() == sources["x/packed.csv.gz"].text() == TEXT
    assert sources["x/two.ann"].sibling(".txt").text() == "Zoé"
    assert sources["x/one.csv"].neighbour("two.txt").text() == "Zoé"
    assert sources["x/one.csv"].sibling(".txt") is None


def test_members_read_by_turns(tmp_path):
    """Two members of one unpacked archive do not disturb each other, nor does one after the other was closed."""
    rows = {name: [f"{name} {i}" for i in range(50_000)] for name in ("a", "b")}
    (tmp_path / "a.tgz").write_bytes(
        gzip.compress(tar({f"{name}.csv": "\n".join(text) for name, text in rows.items()}))
    )
    first, second = open_sources(tmp_path / "a.tgz")
    pairs = list(zip(first.lines(), second.lines(), strict=True))
    assert [a for (_, a), _ in pairs] == rows["a"]
    assert [b for _, (_, b) in pairs] == rows["b"]
    assert [line for _, line in first.lines()] == rows["a"]


def test_from_standard_input_a_folder_and_a_store(tmp_path, monkeypatch):
    raw = gzip.compress(tar({"a.csv": TEXT}))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert [(source.name, source.text()) for source in open_sources("-")] == [("-!a.csv", TEXT)]
    (tmp_path / "b.tar").write_bytes(tar({"b.csv": TEXT}))
    assert [source.text() for source in open_sources(tmp_path)] == [TEXT]
    fsspec.filesystem("memory").pipe("/tars/a.tar.gz", raw)
    assert [source.text() for source in open_sources("memory://tars/a.tar.gz")] == [TEXT]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_convert_reads_standoff_pairs_of_a_tar(name, tmp_path):
    raw = tar({"d/1.txt": "Ada Lovelace wrote", "d/1.ann": "T1\tPER 0 12\tAda Lovelace\n"})
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    report = convert(tmp_path / name, tmp_path / "out.spacy")
    assert (report.docs, dict(report.labels)) == (1, {"PER": 1})
    assert report.detected[0][:2] == (f"{tmp_path / name}!d/1.ann", "brat")


@pytest.mark.parametrize(
    "members",
    [
        {"/etc/a.csv": TEXT},
        {"../a.csv": TEXT},
        {"x/../../a.csv": TEXT},
        {"..\\a.csv": TEXT},
        {"c:/a.csv": TEXT},
        {"a.csv": tarfile.SYMTYPE},
        {"a.csv": tarfile.LNKTYPE},
        {"a.csv": tarfile.FIFOTYPE},
        {"a.csv": tarfile.CHRTYPE},
    ],
    ids=str,
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_members_that_point_outside_are_refused(members, pack, tmp_path):
    (tmp_path / "a.tar").write_bytes(pack(tar({"good.csv": TEXT, **members})))
    with pytest.raises(InputError, match="a member that points outside it") as caught:
        list(open_sources(tmp_path / "a.tar"))
    assert caught.value.file == str(tmp_path / "a.tar")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("kept", [0.3, 0.6])
def test_one_that_breaks_off(pack, kept, tmp_path):
    raw = pack(tar({f"{i}.csv": TEXT * 500 for i in range(3)}))
    (tmp_path / "a.tar").write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(InputError, match="cannot be read to its end") as caught:
        [source.text() for source in open_sources(tmp_path / "a.tar")]
    assert caught.value.file == str(tmp_path / "a.tar")


def test_a_bomb_ends_early(tmp_path):
    (tmp_path / "a.tgz").write_bytes(gzip.compress(tar({"a.csv": bytes(80_000_000)})))
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        list(open_sources(tmp_path / "a.tgz"))


def test_without_a_data_file(tmp_path):
    (tmp_path / "a.tar").write_bytes(tar({"x": tarfile.DIRTYPE, "README.md": "hello"}))
    with pytest.raises(InputError, match="the archive holds no data file"):
        list(open_sources(tmp_path / "a.tar"))


def test_what_only_looks_like_one_is_a_file(tmp_path):
    """A header whose checksum is wrong is no header."""
    raw = bytearray(tar({"a.csv": TEXT}))
    raw[0:1] = b"b"
    (tmp_path / "a.bin").write_bytes(raw)
    (source,) = open_sources(tmp_path / "a.bin")
    with pytest.raises(InputError, match="a NUL byte"):
        source.text()
