"""Which files are archives. Told by their content, not by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

from cloudner.corpus.files.compression import is_compressed, open_decompressed
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.tar import HEAD_BYTES, begins_tar, compressed_tar_sources, tar_sources
from cloudner.corpus.files.zip import ZIP_HEADS, zip_sources
from cloudner.errors import InputError

__all__ = ["HEAD_BYTES", "archive_sources"]


def archive_sources(
    head: bytes,
    open_raw: Callable[[], IO[bytes]],
    name: str,
    size: int | None,
    encoding: Encodings | None,
    tolerant: bool = False,
) -> Iterator[FileSource] | None:
    """The members of an archive that may be data, or None for a file that is no archive.

    head: the first `HEAD_BYTES` of the file. open_raw: opens it. size: its bytes on disk, where that is known.
    Of an Excel workbook, which is a zip, the sheets; another file of an office program comes as it is. Iterating raises InputError for an archive that is
    broken, unsafe or holds no data file.
    """
    if head.startswith(ZIP_HEADS):
        return zip_sources(open_raw, name, encoding, tolerant)
    if begins_tar(head):
        return tar_sources(open_raw, name, encoding, tolerant)
    if is_compressed(head):
        whole = FileSource(name, lambda: open_decompressed(open_raw, name, size))
        try:
            with whole.open_bytes() as stream:
                inner = _first(stream)
        except InputError:  # a damaged file; the error comes when it is read
            return None
        if begins_tar(inner):
            return compressed_tar_sources(whole, encoding, tolerant)
    return None


def _first(stream: IO[bytes]) -> bytes:
    """The first `HEAD_BYTES`; a stream may give fewer at a time."""
    head = b""
    while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES - len(head))):
        head += more
    return head
