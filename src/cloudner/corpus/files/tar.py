"""Tar archives, compressed or not. A member is read where it lies; nothing is unpacked under a name of its own."""

from __future__ import annotations

import io
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, cast

from cloudner.corpus.files.compression import unreadable
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.members import Member, member_sources, refuse_unsafe

HEAD_BYTES = tarfile.BLOCKSIZE  # what must be seen of a file to say whether it is one


def begins_tar(head: bytes) -> bool:
    """Is this the header of a tar archive's first member? A checksum in it says so, for every kind of tar."""
    if len(head) < tarfile.BLOCKSIZE or b"\x00" not in head:
        return False
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def tar_sources(
    open_raw: Callable[[], IO[bytes]], name: str, encoding: Encodings | None, tolerant: bool = False
) -> Iterator[FileSource]:
    """Every member of an uncompressed tar that may be data. open_raw: opens a stream that can seek.

    Raises InputError for a tar that is broken, unsafe or holds none.
    """
    yield from member_sources(name, _members(open_raw, name), encoding, tolerant)


def compressed_tar_sources(
    source: FileSource, encoding: Encodings | None, tolerant: bool = False
) -> Iterator[FileSource]:
    """The same for a compressed tar, which `source` gives decompressed.

    Unpacked once into a temporary file, since a member can be reached only through those before it.
    """
    spool = tempfile.TemporaryFile(prefix="cloudner-")  # noqa: SIM115  # closed with the last source that reads it
    with source.open_bytes() as stream:
        while block := stream.read(1 << 20):
            spool.write(block)
    lock = threading.Lock()
    yield from tar_sources(lambda: cast(IO[bytes], _View(spool, lock)), source.name, encoding, tolerant)


def _members(open_raw: Callable[[], IO[bytes]], name: str) -> list[Member]:
    """The plain files of an uncompressed tar. Each is a stretch of the archive, opened where it lies."""
    members = []
    try:
        with (
            open_raw() as raw,
            tarfile.open(fileobj=raw, mode="r:", encoding="utf-8", errors="replace") as archive,
        ):
            for info in archive:
                if info.isdir():
                    continue
                refuse_unsafe(name, info.name, not info.isfile() or info.issparse())

                def opener(start: int = info.offset_data, size: int = info.size) -> IO[bytes]:
                    return cast(IO[bytes], _Stretch(open_raw(), start, size))

                members.append(Member(str(PurePosixPath(info.name)), info.size, info.size, opener))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise unreadable(name, error) from error
    return members


class _View(io.RawIOBase):
    """A file that others read too, with a position of its own. Closing it leaves the file open."""

    def __init__(self, stream: IO[bytes], lock: threading.Lock) -> None:
        self._stream, self._lock, self._at = stream, lock, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence == io.SEEK_END:
            with self._lock:
                offset += self._stream.seek(0, io.SEEK_END)
        self._at = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._stream.seek(self._at)
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Stretch(io.RawIOBase):
    """`size` bytes of a seekable stream from `start` on; closes it with itself."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        self._stream, self._start, self._size, self._at = stream, start, size, 0
        stream.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(base + offset, 0), self._size)
        self._stream.seek(self._start + self._at)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._size - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
