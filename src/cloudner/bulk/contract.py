"""What planning, reading, predicting and writing hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudner.bulk.inputs.arrow import python_values
from cloudner.errors import ConfigError

# The columns that every output has beside the kept ones.
ID, ENTITIES, ERROR = "id", "entities", "error"
OUTPUTS = ("parquet", "jsonl", "spacy")
FORMATS = ("parquet", "jsonl", "csv", "text", "spacy")
UNITS = ("line", "file")
_MOST_ROWS = 10**9


@dataclass(frozen=True)
class Options:
    """What decides the result: kept in the plan, and the same in every run of a job.

    text_column, id_column, columns: names of columns, or keys of JSON objects. rows_per_piece: documents in a file of the
    target. to: format of the target. format: of the sources, "auto" by name and content. text_unit: what is a document
    in a text file, a line or the file. encoding: of text files; None to find out. The rest: see `cloudner.load`.
    """

    text_column: str = "text"
    id_column: str | None = None
    columns: tuple[str, ...] = ()
    rows_per_piece: int = 50_000
    to: str = "parquet"
    format: str = "auto"
    text_unit: str = "line"
    encoding: str | None = None
    threshold: float | None = None
    precision: str = "auto"
    backend: str = "auto"

    def check(self) -> None:
        """Raises ConfigError for a value that cannot work."""
        for name, value, known in (
            ("to", self.to, OUTPUTS),
            ("format", self.format, ("auto", *FORMATS)),
            ("text_unit", self.text_unit, UNITS),
        ):
            if value not in known:
                raise ConfigError(f"{name} = {value!r}", expected=", ".join(known))
        if not 1 <= self.rows_per_piece <= _MOST_ROWS:
            raise ConfigError(
                f"rows_per_piece = {self.rows_per_piece}", expected=f"1 to {_MOST_ROWS:,} documents"
            )
        if self.encoding is not None:
            try:
                "a".encode(self.encoding)
            except (LookupError, ValueError) as error:
                raise ConfigError(
                    f"encoding = {self.encoding!r}", expected="a text encoding that Python knows", fix="utf-8"
                ) from error
        taken = [name for name in self.columns if name in (ID, ENTITIES, ERROR)]
        if taken:
            raise ConfigError(
                f"columns = {taken[0]!r}, a column that the output has of its own",
                expected="other columns of the source",
                fix="--id-column id" if taken[0] == ID else None,
            )
        if len(set(self.columns)) < len(self.columns):
            raise ConfigError(f"columns = {', '.join(self.columns)}", expected="each column once")


class InputFile(NamedTuple):
    """A source file as it was when the plan was made. name: unique among them, the beginning of its documents' ids. size: in
    bytes, -1 where it is not known."""

    name: str
    url: str
    size: int
    etag: str
    format: str
    encoding: str = "utf-8"
    delimiter: str = ","


class Part(NamedTuple):
    """Consecutive records of one file. first: the first one's index. offset, line: where it begins, in bytes of the
    unpacked file and in lines before it (text formats). groups: Parquet's row groups from and to, `first` within them."""

    file: int
    first: int
    rows: int
    offset: int = 0
    line: int = 0
    groups: tuple[int, int] = (0, 0)


class Piece(NamedTuple):
    """What one file of the target holds."""

    name: str
    rows: int
    parts: tuple[Part, ...]


class Words(NamedTuple):
    """A text that comes in tokens. spaces: is there one behind each?"""

    words: list[str]
    spaces: list[bool]


class Record(NamedTuple):
    """A document before it is annotated. text: None, with the reason in `problem`, where it has none that can be used."""

    id: str
    text: str | Words | None
    problem: str | None = None
    values: Mapping[str, Any] = {}


@dataclass
class Batch:
    """Records, and the kept columns as Arrow arrays where the source has them so."""

    records: list[Record]
    arrays: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Sequence[Any]:
        """Python values."""
        if name in self.arrays:
            return python_values(self.arrays[name])
        return [record.values.get(name) for record in self.records]


@dataclass(frozen=True)
class PieceResult:
    """number: the piece's. rows: its documents. failed: how many of them have no annotation. entities: found."""

    number: int
    rows: int
    failed: int = 0
    entities: int = 0
