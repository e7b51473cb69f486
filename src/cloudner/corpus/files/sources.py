"""Input files wherever they lie: paths, globs, folders, `-`, any URL fsspec opens, compressed or in an archive.

Everything is read as a stream; what a compressed file unpacks to is limited (see `compression.MAX_RATIO`), so that a
decompression bomb ends in one error and not in a full disk.
"""

from __future__ import annotations

import glob
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from cloudner.atomic import take_back
from cloudner.corpus.files.archives import HEAD_BYTES, archive_sources
from cloudner.corpus.files.compression import is_compressed, open_decompressed, unreadable
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.members import is_ignored
from cloudner.corpus.files.names import PACKINGS, siblings
from cloudner.corpus.files.pairs import MAY_BE_EMPTY, is_text_of_pair
from cloudner.corpus.files.remote import remote_sources
from cloudner.corpus.files.workbook import packed_workbook
from cloudner.errors import InputError

__all__ = ["FileSource", "open_sources"]


def _local(path: Path, encoding: Encodings | None, tolerant: bool = False) -> Iterator[FileSource]:
    name = str(path)
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty", file=name, expected="annotated text")
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(name, error) from error

    def open_raw() -> IO[bytes]:
        return open(path, "rb")

    size = path.stat().st_size
    members = archive_sources(head, open_raw, name, size, encoding, tolerant)
    if members is not None:
        yield from members
        return

    def find(suffix: str) -> FileSource | None:
        other = next(filter(Path.is_file, map(Path, siblings(name, suffix))), None)
        if other is None:
            return None
        return next(_local(other, encoding), None) if other.stat().st_size else _empty(other)

    def find_name(other: str) -> FileSource | None:
        found = _near(path, other)
        return None if found is None else next(_local(found, encoding), None)

    source = FileSource(
        name,
        lambda: open_decompressed(open_raw, name, size),
        find_neighbour=find_name,
        path=name if not is_compressed(head) else None,
        encoding=encoding,
        find_sibling=find,
        size=None if is_compressed(head) else size,
        tolerant=tolerant,
    )
    yield from packed_workbook(source)


def _near(path: Path, name: str) -> Path | None:
    """A file of that name in the folder, in one of the four above it, or under one of those in a folder of its kind
    (tagtog keeps `ann.json/...` and `plain.html/...` apart)."""
    folders = path.absolute().parents[:5]
    for path in (folder / (name + packed) for folder in folders for packed in PACKINGS):
        if path.is_file() and path.stat().st_size:
            return path
    if name.endswith(".plain.html"):
        for folder in folders:
            for found in sorted((folder / "plain.html").rglob(name)):
                return found
    return None


def _empty(path: Path) -> FileSource:
    return FileSource(str(path), lambda: open(path, "rb"), path=str(path), encoding="utf-8", size=0)


def _folder(folder: Path, encoding: Encodings | None) -> Iterator[FileSource]:
    every = sorted(p for p in folder.rglob("*") if p.is_file())
    paths = [p for p in every if not is_ignored(p.relative_to(folder))]
    # A saved Hugging Face data set is a folder of its own kind: its Arrow files are the data. Beside other files, such
    # as those of a data set on the hub, its dataset_info.json only describes them.
    described = {p.parent for p in every if p.name in ("dataset_info.json", "state.json")}
    saved = {p.parent for p in paths if p.suffix == ".arrow"} & described
    found = False
    for path in paths:
        if path.parent in saved and path.suffix != ".arrow":
            continue
        if is_text_of_pair(str(path), os.path.isfile):
            continue
        if path.stat().st_size == 0 and not path.name.lower().endswith(MAY_BE_EMPTY):
            continue
        found = True
        if path.stat().st_size == 0:
            yield _with_sibling(path, encoding)
        else:
            yield from _local(path, encoding, tolerant=True)
    if not found:
        raise InputError("the folder holds no data file", file=str(folder), expected="annotated files in it")


def _with_sibling(path: Path, encoding: Encodings | None) -> FileSource:
    source = _empty(path)
    source.tolerant = True

    def find(suffix: str) -> FileSource | None:
        other = next(filter(os.path.isfile, siblings(str(path), suffix)), None)
        return None if other is None else next(_local(Path(other), encoding), None)

    source._find_sibling = find
    return source


def _stdin(encoding: Encodings | None) -> Iterator[FileSource]:
    # Kept in a temporary file: detection has to read the beginning twice, a zip needs its end first.
    spool = tempfile.NamedTemporaryFile(prefix="cloudner-", delete=False)  # noqa: SIM115
    path = Path(spool.name)
    try:
        with spool:
            while block := sys.stdin.buffer.read(1 << 20):
                spool.write(block)
        if path.stat().st_size == 0:
            raise InputError("nothing came in", file="-", expected="annotated text on standard input")
        for source in _local(path, encoding):
            source.name = source.name.replace(str(path), "-")
            source.left_out = [(left.replace(str(path), "-"), why) for left, why in source.left_out]
            source._find_sibling = None
            yield source
    finally:
        path.unlink(missing_ok=True)


def is_table(given: Any) -> bool:
    """Is it a frame, which iterates over the names of its columns?"""
    return hasattr(type(given), "columns")


def is_many(given: Any) -> bool:
    """Can it be gone through? An array without dimensions says that it can, and refuses."""
    return isinstance(given, Iterable) and getattr(given, "shape", None) != ()


def as_paths(given: Any) -> list[str]:
    """One or many paths, folders, patterns and URLs as texts. Raises InputError for what is no path: documents and frames,
    of which a frame would give the names of its columns."""
    if isinstance(given, (str, os.PathLike)):
        given = [given]
    items = [given] if is_table(given) or isinstance(given, bytes) or not is_many(given) else list(given)
    odd = [each for each in items if not isinstance(each, (str, os.PathLike))]
    if odd:
        raise InputError(
            f"a {type(odd[0]).__name__} in the place of a file",
            expected="paths of files or folders, or URLs",
            fix="write it to a file; cloudner.train takes documents from memory too",
        )
    return [os.fspath(each) for each in items]


def open_sources(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    encoding: str | Iterable[str] | Encodings | None = None,
) -> Iterator[FileSource]:
    """Every input file behind `sources`, in a stable order, found while iterating.

    sources: one or many of: a path, a glob (`data/**/*.csv`), a folder (searched at any depth), `-` for standard
        input, a URL that fsspec opens. A zip or tar stands for its members, an Excel workbook for its sheets. Of a text and its annotations
        (NAME.txt with NAME.ann) both given, one.
    encoding: a Python codec name for every file, or several `PATTERN=NAME`; None to find out for each.
    Raises InputError for what does not exist, is empty or cannot be opened.
    """
    encodings = encoding if isinstance(encoding, Encodings) else Encodings(encoding)
    texts = as_paths(sources)
    given = frozenset(texts)
    for text in texts:
        if not text:
            raise InputError("an empty path", expected="a file, a folder or a URL")
        if is_text_of_pair(text, given.__contains__):
            continue
        if text != "-" and "://" not in text:
            take_back(Path(text))  # of a conversion that was killed between two renames
        if text == "-":
            yield from _stdin(encodings)
        elif "://" in text:
            yield from remote_sources(text, encodings)
        elif os.path.isdir(text):
            yield from _folder(Path(text), encodings)
        elif os.path.exists(text):
            yield from _local(Path(text), encodings)
        elif glob.has_magic(text):
            paths = [p for p in sorted(glob.glob(text, recursive=True)) if os.path.isfile(p)]
            if not paths:
                raise InputError("no file matches", file=text, expected="at least one file")
            among = frozenset(paths)
            for path in paths:
                if is_text_of_pair(path, among.__contains__):
                    continue
                yield from _local(Path(path), encodings, tolerant=len(paths) > 1)
        else:
            raise InputError(
                "there is no such file", file=text, expected="a file, folder, pattern, URL or -", fix="ls"
            )
