"""The contract between a format's module and the rest of `cloudner.corpus`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from cloudner.corpus.records import Record


class Match(NamedTuple):
    """How well a file fits a format.

    score: 0 to 1; the highest wins, and only a score of 0.5 or more is taken without `format=` being given.
    reason: what in the content said so, in words a user understands.
    """

    score: float
    reason: str


@dataclass(frozen=True)
class Sample:
    """The beginning of a source, for detection."""

    name: str  # file name without compression suffix, lower case; "-" for standard input
    raw: bytes  # the first 64 KiB, decompressed
    text: str  # the same, decoded; undecodable bytes replaced
    lines: list[str]  # the same in lines without line ends; a last, cut one is left out
    truncated: bool  # is there more than the sample?


class Source(Protocol):
    """One input file, decompressed, wherever it lies."""

    name: str  # as it is told to the user in errors and issues

    def sample(self) -> Sample: ...

    def open_bytes(self) -> IO[bytes]: ...

    def text(self) -> str:
        """The whole file decoded, line ends as they are in the file."""
        ...

    def lines(self) -> Iterator[tuple[int, str]]:
        """Pairs of line number (from 1) and line without its line end."""
        ...

    def sibling(self, suffix: str) -> Source | None:
        """The file beside this one with another suffix (`.ann` for `.txt`), or None."""
        ...


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about a source; readers use what concerns them."""

    lang: str = "en"
    text_column: str | None = None
    entities_column: str | None = None
    token_column: str | int | None = None
    tag_column: str | int | None = None
    sentence_column: str | None = None
    group_by: str | None = None  # column or key whose value goes to Record.meta["group"]
    delimiter: str | None = None
    labels: dict[str, str] = field(default_factory=dict)  # numeric id or old label -> label
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A format: its name as in `--format NAME`, how to recognise, read and (where it can) write it.

    read: yields records in file order and raises `InputError` (file, line, found, expected, fix) where the
        file cannot be read further. It never drops an annotation: what is odd is passed on in the Record and
        judged once, when records are turned into Docs.
    write: takes records and an open text stream, for formats that can hold any Record; None otherwise.
    """

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Sample], Match | None]
    read: Callable[[Source, ReadOptions], Iterator[Record]]
    write: Callable[[Iterable[Record], IO[str]], None] | None = None
    write_path: Callable[[Iterable[Record], Path], None] | None = None  # for folders and binary formats
