"""Which files the sources stand for, and what they were like when they were looked at."""

from __future__ import annotations

import glob
import logging
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from cloudner.bulk.contract import InputFile, Options
from cloudner.bulk.inputs.opening import bytes_source, head_of
from cloudner.bulk.store import is_local, open_address
from cloudner.corpus.files.compression import COMPRESSION_SUFFIXES
from cloudner.corpus.files.encoding import detect_encoding
from cloudner.corpus.files.members import is_ignored
from cloudner.errors import InputError

logger = logging.getLogger("cloudner")

_SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv",
    ".tsv": "csv", ".txt": "text", ".text": "text", ".spacy": "spacy",
}  # fmt: skip
# By what a store says of a version of a file; the first that is there.
_VERSIONS = ("ETag", "etag", "md5Hash", "content_md5", "blob_id", "mtime", "LastModified", "last_modified", "created")  # fmt: skip


class _Found(NamedTuple):
    name: str
    url: str
    size: int
    etag: str


def list_files(sources: Sequence[str], options: Options, *, without: str) -> list[InputFile]:
    """Every file behind the sources, in a stable order. without: the target's root, whose files are none.

    Raises InputError where there is none, for one that is named and has no known format, and for an archive.
    """
    if not all(sources):
        raise InputError("an empty path", expected="a file, a folder, a pattern or a URL")
    found = [each for source in sources for each in _expand(source, without)]
    unique = {each.url: each for each in found}
    names = [each.name for each in unique.values()]
    if len(set(names)) < len(names):  # ids begin with them
        unique = {url: each._replace(name=url) for url, each in unique.items()}
    files, unknown = [], []
    for each in unique.values():
        kind = _format(each, options, named=len(unique) == 1)
        if kind is None:
            unknown.append(each.name)
        else:
            files.append(_described(each, kind, options))
    if unknown:
        logger.warning("%s files are of no format that is read: %s", len(unknown), ", ".join(unknown[:5]))
    if not files:
        raise InputError(
            "no file to annotate",
            file=", ".join(sources),
            expected=f"files that end in {', '.join(_SUFFIXES)}",
            fix="--format NAME for files of other names",
        )
    return files


def describe(url: str) -> tuple[int, str]:
    """Size in bytes and version of a file as it is now. Raises InputError where it is gone."""
    filesystem, path = open_address(url)
    try:
        filesystem.invalidate_cache()
        info = filesystem.info(path)
    except Exception as error:  # every store has its own exceptions
        raise InputError(f"cannot be found any more: {error}", file=url) from error
    return _size(info), _version(info)


def _expand(source: str, without: str) -> list[_Found]:
    filesystem, path = open_address(source)
    scheme = "" if is_local(filesystem) else source.split("://", 1)[0]
    try:
        if scheme in ("http", "https") or filesystem.isfile(path):
            infos = {path: filesystem.info(path)}
            root = path.rpartition("/")[0]
        elif filesystem.isdir(path):
            root = path.rstrip("/")
            infos = {
                p: i
                for p, i in filesystem.find(path, detail=True).items()
                if not _is_hidden(_below(p, root)) and not is_ignored(PurePosixPath(p))
            }
        elif glob.has_magic(path):
            root = path[: min(path.find(c) for c in "*?[" if c in path)].rpartition("/")[0]
            named = _is_hidden(_below(path, root))  # by the pattern itself
            infos = {
                p: i
                for p, i in filesystem.glob(path, detail=True).items()
                if i.get("type") == "file" and (named or not _is_aside(_below(p, root)))
            }
        else:
            infos = {}
    except Exception as error:
        raise InputError(
            f"cannot be listed: {error}", file=source, fix="check the address and your credentials"
        ) from error
    outside = without.rstrip("/") + "/"
    kept = {p: i for p, i in infos.items() if not str(p).startswith(outside)}
    if not kept:
        raise InputError(
            "there is no such file", file=source, expected="a file, folder, pattern or URL with files in it"
        )
    return [
        _Found(
            _below(p, root),
            str(p) if not scheme or "://" in str(p) else f"{scheme}://{str(p).lstrip('/')}",
            _size(i),
            _version(i),
        )
        for p, i in sorted(kept.items())
    ]


def _below(path: str, root: str) -> str:
    return str(path).removeprefix(root).lstrip("/")


def _is_hidden(name: str) -> bool:
    """As Hadoop and Arrow have it: what begins with a dot or an underscore is no data."""
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _is_aside(name: str) -> bool:
    """What a pattern such as `**/*.jsonl` does not mean: a target's own `_failed` and `_done`, files that shells hide."""
    return name.rpartition("/")[2].startswith(".") or _is_hidden(name.rpartition("/")[0])


def _size(info: dict[str, Any]) -> int:
    """Bytes; -1 where a server does not say."""
    return -1 if info.get("size") is None else int(info["size"])


def _version(info: dict[str, Any]) -> str:
    for key in _VERSIONS:
        if info.get(key):
            value = info[key]
            if isinstance(value, datetime):  # of one store a listing has seconds and `info` a time
                value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
            return str(value).strip('"')
    return ""


def _format(found: _Found, options: Options, *, named: bool) -> str | None:
    if options.format != "auto":
        return options.format
    name = found.name.lower()
    for suffix in COMPRESSION_SUFFIXES:
        name = name.removesuffix(suffix)
    kind = _SUFFIXES.get(PurePosixPath(name).suffix)
    if kind is None and named:
        raise InputError(
            "nothing known ends like this",
            file=found.name,
            expected=", ".join(_SUFFIXES),
            fix="--format parquet, jsonl, csv, text or spacy",
        )
    return kind


def _described(found: _Found, kind: str, options: Options) -> InputFile:
    file = InputFile(found.name, found.url, found.size, found.etag, kind)
    head = head_of(file)
    if head.startswith(b"PK\x03\x04") or head[257:262] == b"ustar":
        raise InputError("an archive", file=found.name, expected="plain or compressed files", fix="unpack it")
    if kind in ("parquet", "spacy"):
        return file
    if kind == "jsonl" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        raise InputError(
            "a JSON list",
            file=found.name,
            expected="one JSON object a line",
            fix="jq -c '.[]' FILE > FILE.jsonl",
        )
    if kind == "jsonl" and head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0].strip() == b"{":
        raise InputError(
            "JSON objects that go over several lines",
            file=found.name,
            expected="one JSON object a line",
            fix="jq -c . FILE > FILE.jsonl",
        )
    source = bytes_source(file)
    encoding = options.encoding or detect_encoding(source.open_bytes, file.name)
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        raise InputError(
            f"the text is {encoding}",
            file=found.name,
            expected="UTF-8",
            fix=f"iconv -f {encoding} -t utf-8 FILE",
        )
    return file._replace(
        encoding="utf-8" if encoding == "utf-8-sig" else encoding, delimiter=_delimiter(head)
    )


def _delimiter(head: bytes) -> str:
    line = re.sub(rb'"[^"]*"', b"", head.split(b"\n", 1)[0])  # a name in quotes may hold any of them
    counts = {character: line.count(character.encode()) for character in ",\t;|"}
    best = max(counts, key=lambda character: counts[character])
    return best if counts[best] else ","
