"""Byte streams that unpack themselves, end a decompression bomb early and break with one clear error.

Compression is recognised by the first bytes, not by the name.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, Protocol, cast

from cloudner.errors import InputError

COMPRESSION_SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".zip")
# Annotated text compresses 3 to 20 times; deflate cannot exceed 1032. Past the first 64 MiB of output a ratio above
# this is a bomb.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 1024 * 1024


class Reading(Protocol):
    """What is being read: its name for errors, and how many bytes have come so far."""

    name: str
    bytes_read: int


class Guarded(io.RawIOBase):
    """Counts what is read for progress and turns the ways a stream can break into one clear error."""

    def __init__(self, stream: IO[bytes], source: Reading) -> None:
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
            raise unreadable(self._source.name, error) from error
        except Exception as error:
            if type(error).__name__ == "ZstdError":
                raise unreadable(self._source.name, error) from error
            raise
        self._position += len(data)
        self._source.bytes_read = self._position  # of the stream read last: detection reads files ahead
        return data

    # A buffered reader on top asks for these.
    readall = read
    read1 = read

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class Limited(io.RawIOBase):
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


def refuse_bomb(name: str, unpacked: int, packed: int, fix: str) -> None:
    """Raises InputError for an archive whose members take absurdly more bytes unpacked than packed."""
    if unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise InputError(
            f"the archive unpacks from {packed:,} to {unpacked:,} bytes",
            file=name,
            expected=f"at most {MAX_RATIO} times its size; this is a decompression bomb",
            fix=fix,
        )


def unreadable(name: str, error: BaseException) -> InputError:
    """The error for a file that cannot be opened or breaks off."""
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


def is_compressed(head: bytes) -> bool:
    """Do these first four bytes or more begin a compressed stream?"""
    return _decompressor(head + b"Z\x00") is not None


def open_decompressed(open_raw: Callable[[], IO[bytes]], name: str, size: int | None) -> IO[bytes]:
    """The stream, unpacked where it is compressed. size: bytes on disk, None where that is not known."""
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
        return cast(IO[bytes], Limited(unpack(raw), lambda: size, name))
    return cast(IO[bytes], Limited(unpack(raw), position, name))
