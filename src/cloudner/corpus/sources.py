"""Input files wherever they lie: paths, globs, folders, `-`, any URL fsspec opens, compressed or in a zip.

Compression is told by the first bytes, not by the name. Everything is read as a stream; what a compressed file
unpacks to is limited (see `MAX_RATIO`), so that a decompression bomb ends in one error and not in a full disk.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import os
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from os.path import commonpath
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from cloudner.corpus.encoding import decode_errors, detect_encoding
from cloudner.corpus.formats.base import Sample
from cloudner.errors import InputError

SAMPLE_BYTES = 64 * 1024
# Annotated text compresses 3 to 20 times; deflate cannot exceed 1032. Past the first 64 MiB of output a ratio above
# this is a bomb.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 1024 * 1024
MAX_LINE = 8 * 1024 * 1024  # characters; spaCy's own limit for one text is 1,000,000
MAX_TEXT_BYTES = 2 * 1024**3  # a file whose format must be read whole
_COMPRESSION_SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".zip")
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


class FileSource:
    """One input file, decompressed. Implements `cloudner.corpus.formats.base.Source`."""

    def __init__(
        self,
        name: str,
        opener: Callable[[], IO[bytes]],
        *,
        path: str | None = None,
        encoding: str | None = None,
        find_sibling: Callable[[str], FileSource | None] | None = None,
        find_neighbour: Callable[[str], FileSource | None] | None = None,
        size: int | None = None,
        tolerant: bool = False,
    ) -> None:
        self.name = name
        self.path = path  # a local, uncompressed file; None otherwise
        self.size = size  # bytes on disk, for progress; None where it is not known
        self.tolerant = tolerant  # found in a folder: may be skipped where no format recognises it
        self._opener, self._encoding, self._find_sibling = opener, encoding, find_sibling
        self._find_neighbour = find_neighbour
        self._sample: Sample | None = None
        self.bytes_read = 0

    def __repr__(self) -> str:
        return f"FileSource({self.name!r})"

    @property
    def base_name(self) -> str:
        """File name without folders and compression suffix, lower case."""
        if self.name == "-":
            return "-"
        base = self.name.replace("\\", "/").rsplit("/", 1)[-1].rsplit("!", 1)[-1].lower()
        for suffix in _COMPRESSION_SUFFIXES:
            if base.endswith(suffix):
                return base[: -len(suffix)]
        return base

    @property
    def disk_position(self) -> int:
        """How far reading has come, in the bytes that `size` counts (compressed ones where it is compressed)."""
        return self.bytes_read if self.size is None or self.bytes_read <= self.size else self.size

    @property
    def encoding(self) -> str:
        """The name of the text encoding: what the user said, a byte order mark, UTF-8, or a good guess."""
        if self._encoding is None:
            self._encoding = detect_encoding(self.open_bytes, self.name)
        return self._encoding

    def open_bytes(self) -> IO[bytes]:
        try:
            return cast(IO[bytes], _Guarded(self._opener(), self))
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def sample(self) -> Sample:
        if self._sample is None:
            with self.open_bytes() as stream:
                raw = stream.read(SAMPLE_BYTES)
                truncated = bool(stream.read(1))
            text = raw.decode(self.encoding, errors="replace").lstrip("\ufeff")
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            if truncated and len(lines) > 1:
                lines = lines[:-1]
            elif lines and not lines[-1]:
                lines.pop()
            self._sample = Sample(self.base_name, raw, text, lines, truncated)
        return self._sample

    def text(self) -> str:
        with self.open_bytes() as stream:
            raw = stream.read(MAX_TEXT_BYTES + 1)
        if len(raw) > MAX_TEXT_BYTES:
            raise InputError(
                f"more than {MAX_TEXT_BYTES:,} bytes in one document tree",
                file=self.name,
                expected="a format with one document a line",
                fix="convert it to JSON lines first (jq -c '.[]')",
            )
        with decode_errors(self.name, self.encoding, self.open_bytes):
            text = raw.decode(self.encoding)
        text = text[1:] if text.startswith("\ufeff") else text
        if "\x00" in text:
            raise _nul(self.name, text.count("\n", 0, text.index("\x00")) + 1)
        return text

    def open_text(self, newline: str | None = "") -> IO[str]:
        """The decoded text as a stream; `newline=""` keeps line ends as they are."""
        return io.TextIOWrapper(self.open_bytes(), encoding=self.encoding, newline=newline)

    def lines(self) -> Iterator[tuple[int, str]]:
        with (
            decode_errors(self.name, self.encoding, self.open_bytes),
            self.open_text(newline=None) as stream,
        ):
            number = 0
            while line := stream.readline(MAX_LINE):
                number += 1
                if line[-1] == "\n":
                    line = line[:-1]
                elif len(line) >= MAX_LINE:
                    raise InputError(
                        f"a line of more than {MAX_LINE:,} characters",
                        file=self.name,
                        line=number,
                        expected="one document or token a line",
                        fix="split the document, or give the format with --format",
                    )
                if number == 1 and line.startswith("\ufeff"):
                    line = line[1:]
                if "\x00" in line:
                    raise _nul(self.name, number)
                yield number, line

    def sibling(self, suffix: str) -> FileSource | None:
        return None if self._find_sibling is None else self._find_sibling(suffix)

    def neighbour(self, name: str) -> FileSource | None:
        """The file of that name (it may have folders in it) in the same folder, archive or store, or None.

        Raises InputError for a name that leads out of there.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
            raise InputError(
                f"it names a file outside its folder: {name!r}",
                file=self.name,
                expected="a plain relative name",
            )
        return None if self._find_neighbour is None else self._find_neighbour("/".join(parts))


class _Guarded(io.RawIOBase):
    """Counts what is read for progress and turns the ways a stream can break into one clear error."""

    def __init__(self, stream: IO[bytes], source: FileSource) -> None:
        self._stream, self._source, self._position = stream, source, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        try:
            data = self._stream.read(-1 if size is None else size)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise _unreadable(self._source.name, error) from error
        except Exception as error:
            if type(error).__name__ == "ZstdError":
                raise _unreadable(self._source.name, error) from error
            raise
        self._position += len(data)
        self._source.bytes_read = max(self._source.bytes_read, self._position)
        return data

    # A buffered reader on top asks for these.
    readall = read
    read1 = read

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _Limited(io.RawIOBase):
    """Decompressed bytes, with an end put to a stream that unpacks to absurdly more than it takes on disk."""

    def __init__(self, stream: IO[bytes], packed_size: Callable[[], int | None], name: str) -> None:
        self._stream, self._packed_size, self._name, self._count = stream, packed_size, name, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            parts = []
            while part := self.read(1 << 20):
                parts.append(part)
            return b"".join(parts)
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > RATIO_FREE_BYTES:
            packed = self._packed_size()
            if packed is not None and self._count > MAX_RATIO * max(packed, 1):
                raise InputError(
                    f"unpacks to more than {MAX_RATIO} times its size ({self._count:,} bytes so far)",
                    file=self._name,
                    expected="a compressed text, not a decompression bomb",
                    fix="unpack it yourself if you trust it",
                )
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _unreadable(name: str, error: BaseException) -> InputError:
    text = str(error) or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return InputError("there is no such file", file=name, fix="ls " + (os.path.dirname(name) or "."))
    if isinstance(error, PermissionError):
        return InputError("may not be read (permission denied)", file=name, fix=f"chmod u+r {name}")
    if "password" in text or "encrypted" in text:
        return InputError(
            "is encrypted", file=name, expected="an archive without a password", fix="unzip it first"
        )
    return InputError(
        f"cannot be read to its end: {text}",
        file=name,
        expected="a complete file",
        fix="copy or download it again",
    )


def _nul(name: str, line: int) -> InputError:
    return InputError(
        "a NUL byte in the text",
        file=name,
        line=line,
        expected="text; NUL means a binary or a damaged file",
        fix="tr -d '\\000' < FILE > CLEAN, or --encoding utf-16 where it is that",
    )


def _decompressor(head: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    if head.startswith(b"\x1f\x8b"):
        return lambda raw: cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if head.startswith(b"BZh"):
        return lambda raw: cast(IO[bytes], bz2.BZ2File(raw))
    if head.startswith(b"\xfd7zXZ\x00"):
        return lambda raw: cast(IO[bytes], lzma.LZMAFile(raw))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd
    return None


def _zstd(raw: IO[bytes]) -> IO[bytes]:
    try:
        import zstandard
    except ImportError as error:
        raise InputError(
            "is compressed with zstd, and the package zstandard is not installed",
            fix="python -m pip install zstandard",
        ) from error
    return cast(
        IO[bytes], zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)
    )


def _open_decompressed(open_raw: Callable[[], IO[bytes]], name: str, size: int | None) -> IO[bytes]:
    raw = open_raw()
    head = raw.read(6)
    unpack = _decompressor(head)
    if raw.seekable():
        raw.seek(0)
    else:
        raw.close()
        raw = open_raw()
    if unpack is None:
        return raw
    position = raw.tell if raw.seekable() else lambda: size
    if size is not None:
        return cast(IO[bytes], _Limited(unpack(raw), lambda: size, name))
    return cast(IO[bytes], _Limited(unpack(raw), position, name))


def _zip_members(open_raw: Callable[[], IO[bytes]], name: str, encoding: str | None) -> Iterator[FileSource]:
    try:
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise _unreadable(name, error) from error
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
    usable = [i for i in infos if not _ignored(PurePosixPath(i.filename))]
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

        stream = _open_decompressed(member, f"{name}!{info.filename}", None)
        return cast(IO[bytes], _Limited(stream, lambda: info.compress_size, f"{name}!{info.filename}"))

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
        find_neighbour=lambda other: find_name(other),
        size=info.file_size,
        tolerant=tolerant,
    )


def _ignored(path: PurePosixPath | Path) -> bool:
    lower = path.name.lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts[-3:] if part not in (".", ".."))
    return (
        hidden
        or lower.endswith(_IGNORED_SUFFIXES)
        or lower.split(".")[0] in ("license", "readme")
        or lower in _IGNORED_NAMES
        or lower.endswith(".issues.jsonl")
    )


def _local(path: Path, encoding: str | None, tolerant: bool = False) -> Iterator[FileSource]:
    name = str(path)
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty", file=name, expected="annotated text")
        with open(path, "rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise _unreadable(name, error) from error

    def open_raw() -> IO[bytes]:
        return open(path, "rb")

    if head == b"PK\x03\x04" or head == b"PK\x05\x06":
        yield from _zip_members(open_raw, name, encoding)
        return
    size = path.stat().st_size

    def find(suffix: str) -> FileSource | None:
        for stem in (path, path.with_suffix("")):
            other = stem.with_suffix(suffix)
            if other != path and other.is_file():
                return next(_local(other, encoding), None) if other.stat().st_size else _empty(other)
        return None

    def find_name(other: str) -> FileSource | None:
        found = _near(path, other)
        return None if found is None else next(_local(found, encoding), None)

    yield FileSource(
        name,
        lambda: _open_decompressed(open_raw, name, size),
        find_neighbour=find_name,
        path=name if _decompressor(head + b"Z\x00") is None else None,
        encoding=encoding,
        find_sibling=find,
        size=size,
        tolerant=tolerant,
    )


def _near(path: Path, name: str) -> Path | None:
    """A file of that name in the folder, in one of the four above it, or under one of those in a folder of its kind
    (tagtog keeps `ann.json/...` and `plain.html/...` apart)."""
    folders = path.absolute().parents[:5]
    for folder in folders:
        if (folder / name).is_file() and (folder / name).stat().st_size:
            return folder / name
    if name.endswith(".plain.html"):
        for folder in folders:
            for found in sorted((folder / "plain.html").rglob(name)):
                return found
    return None


def _empty(path: Path) -> FileSource:
    return FileSource(str(path), lambda: open(path, "rb"), path=str(path), encoding="utf-8", size=0)


def _folder(folder: Path, encoding: str | None) -> Iterator[FileSource]:
    # A saved Hugging Face data set is a folder of its own kind: its Arrow files are the data.
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not _ignored(p.relative_to(folder)))
    saved = {p.parent for p in paths if p.name in ("dataset_info.json", "state.json")}
    found = False
    for path in paths:
        if path.parent in saved and path.suffix != ".arrow":
            continue
        if path.name in ("dataset_dict.json", "corpus.json.lock"):
            continue
        if path.suffix.lower() == ".txt" and path.with_suffix(".ann").is_file():
            continue  # the text of a standoff pair is read through its .ann file
        if path.stat().st_size == 0 and path.suffix.lower() != ".ann":
            continue
        found = True
        if path.stat().st_size == 0:
            yield _with_sibling(path, encoding)
        else:
            yield from _local(path, encoding, tolerant=True)
    if not found:
        raise InputError("the folder holds no data file", file=str(folder), expected="annotated files in it")


def _with_sibling(path: Path, encoding: str | None) -> FileSource:
    source = _empty(path)
    source.tolerant = True
    source._find_sibling = lambda suffix: next(_local(path.with_suffix(suffix), encoding), None)
    return source


def _remote(url: str, encoding: str | None) -> Iterator[FileSource]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"no way to open this address: {error}",
            file=url,
            fix="python -m pip install s3fs (s3://), gcsfs (gs://), aiohttp (https://) or huggingface_hub (hf://)",
        ) from error
    scheme = url.split("://", 1)[0]
    try:
        if glob.has_magic(path):
            paths = sorted(filesystem.glob(path))
        elif scheme not in ("http", "https") and filesystem.isdir(path):
            paths = sorted(p for p in filesystem.find(path) if not _ignored(PurePosixPath(p)))
        else:
            paths = [path]
    except Exception as error:  # every store has its own exceptions
        raise InputError(
            f"cannot be listed: {error}", file=url, fix="check the address and your credentials"
        ) from error
    if not paths:
        raise InputError("no file matches", file=url, expected="at least one file")
    for each in paths:
        if str(each).lower().endswith(".txt") and str(each)[:-4] + ".ann" in paths:
            continue
        yield from _remote_file(filesystem, scheme, str(each), encoding, tolerant=len(paths) > 1)


def _remote_file(
    filesystem: Any, scheme: str, path: str, encoding: str | None, tolerant: bool = False
) -> Iterator[FileSource]:
    name = path if "://" in path else f"{scheme}://{path}"

    def open_raw() -> IO[bytes]:
        try:
            return cast(IO[bytes], filesystem.open(path, "rb"))
        except Exception as error:
            raise _unreadable(name, error) from error

    with open_raw() as stream:
        head = stream.read(4)
    if not head:
        raise InputError("the file is empty", file=name, expected="annotated text")
    if head == b"PK\x03\x04":
        yield from _zip_members(open_raw, name, encoding)
        return
    try:
        size = filesystem.size(path)
    except Exception:
        size = None

    def find(suffix: str) -> FileSource | None:
        other = (
            str(PurePosixPath(path).with_suffix(suffix))
            if "://" not in path
            else path.rsplit(".", 1)[0] + suffix
        )
        return (
            next(_remote_file(filesystem, scheme, other, encoding), None)
            if filesystem.exists(other)
            else None
        )

    def find_name(other: str) -> FileSource | None:
        near = path.rsplit("/", 1)[0] + "/" + other
        return (
            next(_remote_file(filesystem, scheme, near, encoding), None) if filesystem.exists(near) else None
        )

    yield FileSource(
        name,
        lambda: _open_decompressed(open_raw, name, size),
        encoding=encoding,
        find_sibling=find,
        find_neighbour=find_name,
        size=size,
        tolerant=tolerant,
    )


def _stdin(encoding: str | None) -> Iterator[FileSource]:
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
            source._find_sibling = None
            yield source
    finally:
        path.unlink(missing_ok=True)


def open_sources(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], encoding: str | None = None
) -> Iterator[FileSource]:
    """Every input file behind `sources`, in a stable order, found while iterating.

    sources: one or many of: a path, a glob (`data/**/*.csv`), a folder (searched at any depth), `-` for standard
        input, a URL that fsspec opens. A zip stands for its members.
    encoding: a Python codec name for every file, or None to find out for each.
    Raises InputError for what does not exist, is empty or cannot be opened.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    if encoding is not None:
        import codecs

        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise InputError(f"no text encoding is called {encoding!r}", fix="--encoding utf-8") from error
    for each in sources:
        text = os.fspath(each)
        if text == "-":
            yield from _stdin(encoding)
        elif "://" in text:
            yield from _remote(text, encoding)
        elif os.path.isdir(text):
            yield from _folder(Path(text), encoding)
        elif os.path.exists(text):
            yield from _local(Path(text), encoding)
        elif glob.has_magic(text):
            paths = [p for p in sorted(glob.glob(text, recursive=True)) if os.path.isfile(p)]
            if not paths:
                raise InputError("no file matches", file=text, expected="at least one file")
            for path in paths:
                if path.lower().endswith(".txt") and os.path.exists(path[:-4] + ".ann"):
                    continue
                yield from _local(Path(path), encoding, tolerant=len(paths) > 1)
        else:
            raise InputError(
                "there is no such file", file=text, expected="a file, folder, pattern, URL or -", fix="ls"
            )
