"""Text files by lines: byte offsets to begin again at, bytes that are not text, lines without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

from cloudner.bulk.contract import InputFile
from cloudner.bulk.inputs.opening import bytes_source, open_at
from cloudner.corpus.files.compression import Guarded
from cloudner.corpus.soundness import is_unicode
from cloudner.errors import InputError

MAX_LINE = 32 * 1024 * 1024  # bytes; spaCy's own limit for one text is 1,000,000 characters
_BLOCK = 1 << 20


class Line(NamedTuple):
    """offset: of its first byte in the unpacked file. number: from 1. raw: without its end; None for one over MAX_LINE."""

    offset: int
    number: int
    raw: bytes | None
    size: int


def lines(file: InputFile, offset: int = 0, number: int = 0) -> Iterator[Line]:
    """Every line from an offset on, empty ones too. number: the lines before it."""
    if not file.size:
        return
    with Guarded(open_at(file, offset), bytes_source(file)) as stream:
        for at, raw, size in _split(stream, offset):
            number += 1
            if at == 0 and raw is not None:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            yield Line(at, number, raw, size)


def check_line_ends(file: InputFile) -> None:
    """Raises InputError where a file has the line ends of the old Mac and no others: it would be one line."""
    found = lines(file)
    first, second = next(found, None), next(found, None)
    if first is not None and second is None and b"\r" in (first.raw or b"").strip():
        raise InputError(
            "its lines end in CR alone",
            file=file.name,
            expected="LF or CR LF",
            fix="tr '\\r' '\\n' < FILE > NEW",
        )


def _split(stream: IO[bytes] | Guarded, offset: int) -> Iterator[tuple[int, bytes | None, int]]:
    """(offset, line, bytes with its end); None for a line over MAX_LINE, of which no more than that is held."""
    rest, dropped = b"", 0
    while block := stream.read(_BLOCK):
        first, *others = block.split(b"\n")
        if not others:
            if dropped or len(rest) + len(first) > MAX_LINE:
                dropped += len(rest) + len(first)
                rest = b""
            else:
                rest += first
            continue
        size = dropped + len(rest) + len(first) + 1
        yield offset, rest + first if size <= MAX_LINE + 1 else None, size
        offset, dropped = offset + size, 0
        for line in others[:-1]:
            yield offset, line if len(line) <= MAX_LINE else None, len(line) + 1
            offset += len(line) + 1
        rest = others[-1]
    if rest or dropped:
        size = dropped + len(rest)
        yield offset, rest if size <= MAX_LINE else None, size


def decoded(raw: bytes, encoding: str) -> str:
    """The text; a byte that is none of the encoding becomes half of a surrogate pair, which `unsound` tells."""
    return raw.decode(encoding, errors="surrogateescape")


def unsound(text: str, encoding: str) -> str | None:
    """Why it is no text, or None."""
    if is_unicode(text):
        return None
    for character in text:
        if "\udc80" <= character <= "\udcff":
            return f"the byte 0x{ord(character) - 0xDC00:02x} is not {encoding}"
    return "half of a surrogate pair, which no text can hold"


def clean(text: str) -> str:
    """With question marks where it holds what no text can."""
    return text if is_unicode(text) else text.encode("utf-8", errors="replace").decode("utf-8")


TOO_LONG = f"a line of more than {MAX_LINE:,} bytes"
