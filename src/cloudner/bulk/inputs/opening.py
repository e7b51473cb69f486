"""Source files as bytes: unpacked, wherever they lie."""

from __future__ import annotations

from typing import IO, cast

from cloudner.bulk.contract import InputFile
from cloudner.bulk.store import open_address
from cloudner.corpus.files.compression import open_decompressed, unreadable
from cloudner.corpus.files.file import FileSource

_HEAD = 64 * 1024


def open_raw(file: InputFile) -> IO[bytes]:
    """The file's own bytes, seekable where its store allows it. Raises InputError."""
    filesystem, path = open_address(file.url)
    try:
        return cast(IO[bytes], filesystem.open(path, "rb"))
    except Exception as error:  # every store has its own exceptions
        raise unreadable(file.name, error) from error


def bytes_source(file: InputFile) -> FileSource:
    """For readers that take a source of the corpus' room: unpacked bytes, and breaks told in one error."""
    return FileSource(
        file.name,
        lambda: open_decompressed(lambda: open_raw(file), file.name, _known(file.size)),
        encoding=file.encoding,
    )


def _known(size: int) -> int | None:
    return None if size < 0 else size


def open_at(file: InputFile, offset: int) -> IO[bytes]:
    """Unpacked bytes from an offset on. What cannot be sought in, as compressed files, is read up to there."""
    stream = open_decompressed(lambda: open_raw(file), file.name, _known(file.size))
    if not offset:
        return stream
    if stream.seekable():
        stream.seek(offset)
        return stream
    while offset > 0:
        block = stream.read(min(offset, 1 << 20))
        if not block:
            break
        offset -= len(block)
    return stream


def head_of(file: InputFile) -> bytes:
    """The first 64 KiB, unpacked; empty for an empty file."""
    if not file.size:
        return b""
    with bytes_source(file).open_bytes() as stream:
        return stream.read(_HEAD)
