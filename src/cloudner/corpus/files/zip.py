"""Zip archives."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from cloudner.corpus.files.compression import refuse_bomb, unreadable
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.members import Member, member_sources, refuse_unsafe
from cloudner.corpus.files.workbook import WORKBOOK_MEMBER, workbook_sources

ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE_MEMBERS = ("[Content_Types].xml", "META-INF/manifest.xml")


def zip_sources(
    open_raw: Callable[[], IO[bytes]], name: str, encoding: Encodings | None, tolerant: bool
) -> Iterator[FileSource]:
    """Every member that may be data; of an Excel workbook its sheets, another file of an office program as it is.

    Raises InputError for a zip that is broken, unsafe or holds none."""
    try:
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise unreadable(name, error) from error
    if any(info.filename in _OFFICE_MEMBERS for info in infos):
        if any(info.filename == WORKBOOK_MEMBER for info in infos):
            yield from workbook_sources(open_raw, name, tolerant)
        else:
            yield FileSource(name, open_raw, tolerant=tolerant)  # `detect` says what to do with it
        return
    for info in infos:
        refuse_unsafe(name, info.filename, stat.S_ISLNK(info.external_attr >> 16))
    unpacked, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    refuse_bomb(name, unpacked, packed, "unpack it yourself if you trust it")

    def member(info: zipfile.ZipInfo) -> Member:
        def opener() -> IO[bytes]:
            return zipfile.ZipFile(open_raw()).open(info.filename)

        return Member(info.filename, info.file_size, info.compress_size, opener)

    yield from member_sources(name, [member(info) for info in infos], encoding, tolerant)
