"""The members of a zip as input files, and which files are none."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator
from os.path import commonpath
from pathlib import Path, PurePosixPath
from typing import IO, cast

from cloudner.corpus.file_source import FileSource
from cloudner.corpus.streams import MAX_RATIO, RATIO_FREE_BYTES, Limited, open_decompressed, unreadable
from cloudner.errors import InputError

# Not annotations, whatever they hold.
_IGNORED_SUFFIXES = (
    ".py", ".cfg", ".toml", ".html", ".htm", ".pdf", ".png", ".jpg", ".jpeg", ".md", ".rst", ".lock", ".sha256",
)  # fmt: skip
_IGNORED_NAMES = (
    "license",
    "readme",
    "annotation.conf",
    "visual.conf",
    "makefile",
    "dataset_infos.json",
    "annotations-legend.json",
)


def zip_sources(
    open_raw: Callable[[], IO[bytes]], name: str, encoding: str | None, tolerant: bool = False
) -> Iterator[FileSource]:
    """Every member that may be data; a file of an office program as it is. Raises InputError for a zip that is broken, unsafe or holds none."""
    try:
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise unreadable(name, error) from error
    if any(info.filename in ("[Content_Types].xml", "META-INF/manifest.xml") for info in infos):
        yield FileSource(name, open_raw, tolerant=tolerant)  # a spreadsheet; `detect` says what to do with it
        return
    for info in infos:
        member = PurePosixPath(info.filename.replace("\\", "/"))
        mode = info.external_attr >> 16
        if member.is_absolute() or ".." in member.parts or ":" in member.parts[0] or stat.S_ISLNK(mode):
            raise InputError(
                f"the archive has a member that points outside it: {info.filename!r}",
                file=name,
                expected="plain relative names",
                fix="unpack it in an empty folder if you trust it, and convert that",
            )
    unpacked, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    if unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise InputError(
            f"the archive unpacks from {packed:,} to {unpacked:,} bytes",
            file=name,
            expected=f"at most {MAX_RATIO} times its size; this is a decompression bomb",
            fix="unpack it yourself if you trust it",
        )
    usable = [i for i in infos if not is_ignored(PurePosixPath(i.filename))]
    names = {i.filename for i in infos}
    found = False
    for info in usable:
        if info.filename.lower().endswith(".txt") and info.filename[:-4] + ".ann" in names:
            continue
        found = True
        yield _zip_source(open_raw, name, info, encoding, names, tolerant=len(usable) > 1)
    if not found:
        raise InputError("the archive holds no data file", file=name, expected="at least one annotated file")


def _zip_source(
    open_raw: Callable[[], IO[bytes]],
    name: str,
    info: zipfile.ZipInfo,
    encoding: str | None,
    names: set[str],
    tolerant: bool = False,
) -> FileSource:
    def opener() -> IO[bytes]:
        archive = zipfile.ZipFile(open_raw())

        def member() -> IO[bytes]:
            return archive.open(info.filename)

        stream = open_decompressed(member, f"{name}!{info.filename}", None)
        return cast(IO[bytes], Limited(stream, lambda: info.compress_size, f"{name}!{info.filename}"))

    def find(suffix: str) -> FileSource | None:
        other = str(PurePosixPath(info.filename).with_suffix(suffix))
        if other not in names:
            return None
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            return _zip_source(open_raw, name, archive.getinfo(other), encoding, names)

    def find_name(other: str) -> FileSource | None:
        # The nearest member: the one whose folders agree with this one's the longest.
        found = [n for n in names if n == other or n.endswith("/" + other)]
        if not found:
            return None
        best = max(found, key=lambda n: len(commonpath([n, info.filename])))
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            return _zip_source(open_raw, name, archive.getinfo(best), encoding, names)

    return FileSource(
        f"{name}!{info.filename}",
        opener,
        encoding=encoding,
        find_sibling=find,
        find_neighbour=find_name,
        size=info.file_size,
        tolerant=tolerant,
    )


def is_ignored(path: PurePosixPath | Path) -> bool:
    """Is a file of that name no annotation, whatever it holds?"""
    lower = path.name.lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts[-3:] if part not in (".", ".."))
    return (
        hidden
        or lower.endswith(_IGNORED_SUFFIXES)
        or lower.split(".")[0] in ("license", "readme")
        or lower in _IGNORED_NAMES
        or lower.endswith(".issues.jsonl")
    )
