"""Tables with one span a row whose texts are files: `filename, label, off0, off1, span`, and NAME.txt.

LivingNER, DisTEMIST, MEDDOPROF, ProfNER and other shared tasks come so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, label_of, offset
from cloudner.corpus.formats.tables.csv_rows import (
    find_column,
    plain_name,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.errors import InputError

_FILES = (
    "filename",
    "file_name",
    "file",
    "document",
    "document_id",
    "doc_id",
    "tweet_id",
    "note_id",
    "text_id",
    "id",
)
_STARTS = (
    "off0",
    "start",
    "begin",
    "start_span",
    "start_offset",
    "begin_offset",
    "start_pos",
    "start_char",
    "ini",
)
_ENDS = ("off1", "end", "end_span", "end_offset", "end_pos", "end_char", "fin")
_LABELS = ("label", "type", "entity_type", "tag", "category", "class", "entity")
_WORDS = ("span", "extraction", "mention", "surface", "words", "entity")
# Where the texts are: beside the table, or in a folder of their own.
_FOLDERS = ("", "txt/", "text/", "texts/", "text-files/", "txt-files/", "documents/")


class _Columns(NamedTuple):
    file: int
    start: int
    end: int
    label: int
    words: int | None


def _columns(header: Sequence[str]) -> _Columns | None:
    plain = [plain_name(name).replace(" ", "_") for name in header]
    found = [find_column(plain, names) for names in (_FILES, _STARTS, _ENDS, _LABELS)]
    if find_column(plain, TEXT) is not None or "line" in plain or None in found:
        return None
    file, start, end, label = (column for column in found if column is not None)
    words = find_column(plain, _WORDS)
    return _Columns(file, start, end, label, None if words == label else words)


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        columns = _columns(table.rows[0])
        rows = [row for row in table.rows[1:20] if len(row) == len(table.rows[0])]
        if columns is not None and rows:
            cells = [row[column].strip() for row in rows for column in (columns.start, columns.end)]
            if all(map(str.isdecimal, cells)):
                header = table.rows[0]
                return Match(0.9, f"a span a row, of the files in {header[columns.file]!r}")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a file that the table names, in its order."""
    table = next((t for t in tables(source.sample()) if _columns(t.rows[0])), None)
    delimiter = options.delimiter or (table.delimiter if table else "\t")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    columns = _columns(header)
    if columns is None:
        raise place.error(
            f"not all of file, start, end, label among {', '.join(map(repr, header))}", "these columns"
        )
    spans: dict[str, list[SpanRecord]] = {}
    for line, row in rows:
        where = Where(source.name, line, "row")
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        start, end = (offset(row[column], where) for column in (columns.start, columns.end))
        words = row[columns.words] if columns.words is not None else None
        label = label_of(row[columns.label], options, where)[0]
        spans.setdefault(row[columns.file].strip(), []).append(SpanRecord(start, end, label, words or None))
    if not spans:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one span a row")
    for name, found in spans.items():
        text = _text(source, name)
        record = Record(
            text.name, 1, text.text(), meta={"id": unpacked(base_name(name)).removesuffix(".txt")}
        )
        record.spans = sorted(found, key=lambda span: (span.start, -span.end))
        yield record


def _text(source: Source, name: str) -> Source:
    names = [name] if name.lower().endswith(".txt") else [f"{name}.txt", name]
    found = (source.neighbour(folder + each) for folder in _FOLDERS for each in names)
    return next(filter(None, found), None) or text_beside(
        source, names[0], "the texts as files beside the table, or in a folder txt or texts"
    )


_EXAMPLE = {
    "entities.tsv": "filename\tmark\tlabel\toff0\toff1\tspan\ncurie\tT1\tPER\t0\t11\tMarie Curie\ncurie\tT2\tLOC\t24\t30\tWarsaw\n",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
SPAN_FILES = Format(
    "span-files",
    "a table with one span a row, its texts in files (LivingNER, DisTEMIST, ProfNER)",
    (".tsv", ".csv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
