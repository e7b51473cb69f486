"""Input files behind any URL that fsspec opens."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, cast

from cloudner.corpus.files.archives import HEAD_BYTES, archive_sources
from cloudner.corpus.files.compression import is_compressed, open_decompressed, unreadable
from cloudner.corpus.files.encoding import Encodings
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.members import is_ignored
from cloudner.corpus.files.names import packing, siblings
from cloudner.corpus.files.pairs import is_text_of_pair
from cloudner.corpus.files.workbook import packed_workbook
from cloudner.errors import InputError


def remote_sources(url: str, encoding: Encodings | None) -> Iterator[FileSource]:
    """Every file behind a URL, a pattern or a folder of a store. Raises InputError where there is none."""
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
            paths = sorted(p for p in filesystem.find(path) if not is_ignored(PurePosixPath(p)))
        else:
            paths = [path]
    except Exception as error:  # every store has its own exceptions
        raise InputError(
            f"cannot be listed: {error}", file=url, fix="check the address and your credentials"
        ) from error
    if not paths:
        raise InputError("no file matches", file=url, expected="at least one file")
    among = frozenset(paths)
    for each in paths:
        if is_text_of_pair(str(each), among.__contains__):
            continue
        yield from _remote_file(filesystem, scheme, str(each), encoding, tolerant=len(paths) > 1)


def _remote_file(
    filesystem: Any, scheme: str, path: str, encoding: Encodings | None, tolerant: bool = False
) -> Iterator[FileSource]:
    name = path if "://" in path else f"{scheme}://{path}"

    def open_raw() -> IO[bytes]:
        try:
            return cast(IO[bytes], filesystem.open(path, "rb"))
        except Exception as error:
            raise unreadable(name, error) from error

    try:
        with open_raw() as stream:
            head = stream.read(HEAD_BYTES)
    except InputError:
        raise
    except Exception as error:
        raise unreadable(name, error) from error
    if not head:
        raise InputError("the file is empty", file=name, expected="annotated text")
    try:
        size = filesystem.size(path)
    except Exception:
        size = None
    members = archive_sources(head, open_raw, name, size, encoding, tolerant)
    if members is not None:
        yield from members
        return

    def first_of(paths: Iterable[str]) -> FileSource | None:
        there = next(filter(filesystem.exists, paths), None)
        return None if there is None else next(_remote_file(filesystem, scheme, there, encoding), None)

    def find(suffix: str) -> FileSource | None:
        # packed as this file is: to ask for each name that it could have takes its time over a network
        return first_of(siblings(path, suffix, [packing(path)]))

    def find_name(other: str) -> FileSource | None:
        near = path.rsplit("/", 1)[0] + "/" + other
        return first_of(dict.fromkeys((near, near + packing(path))))

    source = FileSource(
        name,
        lambda: open_decompressed(open_raw, name, size),
        encoding=encoding,
        find_sibling=find,
        find_neighbour=find_name,
        size=None if is_compressed(head) else size,
        tolerant=tolerant,
    )
    yield from packed_workbook(source)
