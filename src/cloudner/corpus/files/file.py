"""One input file as a format's reader sees it: decompressed bytes, decoded text, lines, a sample, what lies beside it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, cast

from cloudner.corpus.contract import Sample
from cloudner.corpus.files.compression import COMPRESSION_SUFFIXES, Guarded, unreadable
from cloudner.corpus.files.encoding import Encodings, decode_errors, detect_encoding
from cloudner.errors import InputError

SAMPLE_BYTES = 64 * 1024
LONG_SAMPLE_BYTES = 4 * 1024**2  # where the first JSON object is longer; spaCy takes a million characters
MAX_LINE = 8 * 1024 * 1024  # characters; spaCy's own limit for one text is 1,000,000
MAX_TEXT_BYTES = 2 * 1024**3  # a file whose format must be read whole


class FileSource:
    """One input file, decompressed. Implements `cloudner.corpus.contract.Source`."""

    def __init__(
        self,
        name: str,
        opener: Callable[[], IO[bytes]],
        *,
        path: str | None = None,
        encoding: str | Encodings | None = None,
        find_sibling: Callable[[str], FileSource | None] | None = None,
        find_neighbour: Callable[[str], FileSource | None] | None = None,
        size: int | None = None,
        tolerant: bool = False,
    ) -> None:
        self.name = name
        self.path = path  # a local, uncompressed file; None otherwise
        self.size = size  # bytes to read, for progress; None where that is not known: compressed ones
        self.tolerant = tolerant  # found in a folder: may be skipped where no format recognises it
        self._opener, self._find_sibling = opener, find_sibling
        self._encoding = encoding.of(name) if isinstance(encoding, Encodings) else encoding
        self._lang = encoding.lang if isinstance(encoding, Encodings) else ""
        self.used: set[str] = set()  # names of the files beside it that were read with it
        self.hidden: set[int] = set()  # lines that are left out, because what begins there cannot be read
        self.told: list[str] = []  # what its reader has to say of the file as a whole
        # What lies beside it in its file and is no data: name and why.
        self.left_out: list[tuple[str, str]] = []
        # A sheet: its rows are what errors count, however many lines their cells have.
        self.line_is_row = False
        self.guessed = False  # is the encoding a guess from the bytes?
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
        for suffix in COMPRESSION_SUFFIXES:
            if base.endswith(suffix):
                return base[: -len(suffix)]
        return base

    @property
    def disk_position(self) -> int:
        """How far reading has come, in bytes."""
        return self.bytes_read if self.size is None or self.bytes_read <= self.size else self.size

    @property
    def encoding(self) -> str:
        """The name of the text encoding: what the user said, a byte order mark, UTF-8, or a good guess."""
        if self._encoding is None:
            self._encoding = detect_encoding(self.open_bytes, self.name, self._lang)
            self.guessed = not self._encoding.startswith("utf")
        return self._encoding

    def open_bytes(self) -> IO[bytes]:
        try:
            return cast(IO[bytes], Guarded(self._opener(), self))
        except OSError as error:
            raise unreadable(self.name, error) from error

    def sample(self) -> Sample:
        if self._sample is None:
            with self.open_bytes() as stream:
                raw = stream.read(SAMPLE_BYTES)
                rest = stream.read(1)
                text = self._decoded(raw)
                if rest and _begins_long_json(text):
                    # its keys may stand behind a text that is longer than the sample
                    longer = raw + rest + stream.read(LONG_SAMPLE_BYTES)
                    if not _begins_long_json(self._decoded(longer)):
                        raw, rest = longer, stream.read(1)
                        text = self._decoded(raw)
                truncated = bool(rest)
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            if truncated and len(lines) > 1:
                lines = lines[:-1]
            elif lines and not lines[-1]:
                lines.pop()
            self._sample = Sample(self.base_name, raw, text, lines, truncated)
        return self._sample

    def _decoded(self, raw: bytes) -> str:
        return raw.decode(self.encoding, errors="replace").lstrip("\ufeff")

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
            raise nul_byte(self.name, text.count("\n", 0, text.index("\x00")) + 1)
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
                if "\x00" in line and number not in self.hidden:
                    raise nul_byte(self.name, number)
                yield number, "" if number in self.hidden else line

    def sibling(self, suffix: str) -> FileSource | None:
        return self._use(None if self._find_sibling is None else self._find_sibling(suffix))

    def _use(self, found: FileSource | None) -> FileSource | None:
        if found is not None:
            self.used.add(found.name)
        return found

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
        return self._use(None if self._find_neighbour is None else self._find_neighbour("/".join(parts)))


def _begins_long_json(text: str) -> bool:
    """Is this JSON whose first object (in a list: first element) does not end in it, for a text of few lines?"""
    match = re.match(r"\s*(?:\[\s*)?(?=[{\[])", text)
    if match is None or text.count("\n") > 20:
        return False
    try:
        json.JSONDecoder().raw_decode(text, match.end())
    except ValueError:
        return True
    except RecursionError:
        pass
    return False


def nul_byte(name: str, line: int) -> InputError:
    return InputError(
        "a NUL byte in the text",
        file=name,
        line=line,
        expected="text; NUL means a binary or a damaged file",
        fix="tr -d '\\000' < FILE > CLEAN, or --encoding utf-16 where it is that",
    )
