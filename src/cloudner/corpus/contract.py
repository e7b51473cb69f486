"""The contract between annotation formats and the rest of cloudner: what a reader gets, yields and declares.

Public, and the same for the formats that come with cloudner and for those of other packages: a package declares a
`Format` as an entry point of the group `cloudner_formats` (CONTRIBUTING.md, "A format").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol


class SpanRecord(NamedTuple):
    """An annotated span.

    start, end: character offsets into `Record.text` (Python code points, end exclusive).
    label: the label as the file has it.
    surface: the text the file stores beside the offsets, where it does; None otherwise.
    """

    start: int
    end: int
    label: str
    surface: str | None = None


@dataclass(slots=True)
class Record:
    """One document as the file has it, before it is aligned to spaCy tokens.

    A record is either *offset-based* (`text` and `spans`; `tokens` is None) or *token-based* (`tokens` and
    `tags`, one raw tag per token such as `B-PER`, `O`, `S-LOC` or a bare `PER`; `None` for a token that has no
    annotation, which is missing and not O). A token-based record may have several sentences: `sent_starts`
    holds the index of each sentence's first token. `spaces` (one bool per token: is it followed by a space) may
    be None, when words are joined by single spaces (nothing for one-character-per-line Chinese). Third, `tokens`
    with `tags` None, `text` and `spans`: the spans are put on those tokens.
    """

    file: str
    line: int
    text: str | None = None
    spans: list[SpanRecord] = field(default_factory=list)
    tokens: list[str] | None = None
    tags: list[str | None] | None = None
    spaces: list[bool] | None = None
    sent_starts: list[int] | None = None
    complete: bool = True  # False: what is not marked is unknown, not O (a document nobody finished)
    # spans rejected by an annotator: known not to be
    negative: list[SpanRecord] = field(default_factory=list)
    annotator: str | None = None  # who annotated it, where others may have, in records of their own
    # name and spans of each person whose annotation of it was at hand; one of them is in `spans`
    versions: list[tuple[str, list[SpanRecord]]] = field(default_factory=list)
    over_sentences: bool = False  # entities may run over the end of a sentence, as in a Doc
    meta: dict[str, Any] = field(default_factory=dict)  # id, group, split, ... kept in Doc.user_data["meta"]
    # What the reader saw and a record cannot hold; each becomes an issue: cause (a key of `issues.CAUSES`), action
    # (dropped, changed, repaired or noted) and what was done.
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    number: int = 0  # which record of its file it is, from 1; set when it is passed on


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
    """One input file, decompressed, wherever it lies: on disk, in an archive, behind a URL.

    Every member may be used by any reader. The methods that open the file raise `InputError` where it cannot be
    read or is not in its encoding.
    """

    name: str  # as the user sees it in errors and issues
    path: (
        str | None
    )  # of a local, uncompressed file, for libraries that map files into memory; None otherwise

    @property
    def encoding(self) -> str:
        """The Python name of the text encoding: what the user gave, a byte order mark, UTF-8, or a good guess."""
        ...

    def sample(self) -> Sample:
        """The beginning of the file. Kept: asking again costs nothing."""
        ...

    def open_bytes(self) -> IO[bytes]:
        """The decompressed bytes, from the beginning; the caller closes the stream."""
        ...

    def open_text(self, newline: str | None = "") -> IO[str]:
        """The decoded text as a stream. newline: as in `open`; "" keeps line ends as they are."""
        ...

    def text(self) -> str:
        """The whole file decoded, line ends as they are in the file."""
        ...

    def lines(self) -> Iterator[tuple[int, str]]:
        """Pairs of line number (from 1) and line without its line end."""
        ...

    def sibling(self, suffix: str) -> Source | None:
        """The file beside this one with another suffix (`.ann` for `.txt`), or None."""
        ...

    def neighbour(self, name: str) -> Source | None:
        """The file of that name (it may have folders in it) in the same folder, archive or store, or None.

        Raises InputError for a name that leads out of there.
        """
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
    # Column or key whose value a reader puts into Record.meta["group"]; not needed where it is in the meta data under that name.
    group_by: str | None = None
    delimiter: str | None = None
    annotator: str | None = None  # whose annotation is read where several people annotated
    skip_bad: int = 0  # so many records of a file may be left out because they cannot be read
    offsets: str = "auto"  # or characters, inclusive (ends), utf16, bytes, one-based (ends inclusive)
    labels: dict[str, str] = field(default_factory=dict)  # numeric id or old label -> label
    spans: str | None = None  # the group of spans that annotations go to, and come from where a source has it


@dataclass(frozen=True)
class Format:
    """A format: its name as in `--format NAME`, how to recognise, read and (where it can) write it.

    read: yields records in file order and raises `InputError` (file, line, found, expected, fix) where the
        file cannot be read further. It never drops an annotation silently: what is odd is passed on in the Record
        and judged once, when records are turned into Docs; what a record cannot hold becomes one of its notes.
    write: takes records and an open text stream, for formats that can hold any Record; None otherwise.
    write_path: the same with the output's path, for folders and binary formats.
    example: a small file of it, which docs/formats.md and `convert --layout` show: its text; where several belong together, texts
        by file name, the one that is read first; a function that makes the bytes of a binary one. None where the format is
        written: what is written is shown.
    """

    name: str
    description: str
    extensions: tuple[str, ...]
    sniff: Callable[[Sample], Match | None]
    read: Callable[[Source, ReadOptions], Iterator[Record]]
    write: Callable[[Iterable[Record], IO[str]], None] | None = None
    write_path: Callable[[Iterable[Record], Path], None] | None = None
    example: str | Mapping[str, str] | Callable[[], bytes] | None = None
