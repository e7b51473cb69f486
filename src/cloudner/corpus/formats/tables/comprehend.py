"""Amazon Comprehend: a CSV of File, Line, Begin Offset, End Offset, Type beside texts with one document per line."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.spans import Where, offset, short
from cloudner.corpus.formats.tables.csv_rows import first_line
from cloudner.errors import InputError


def _sniff_comprehend(sample: Sample) -> Match | None:
    head = first_line(sample).lower().replace('"', "")
    cells = [cell.strip() for cell in head.split(",")]
    if {"file", "line", "begin offset", "end offset", "type"} <= set(cells):
        return Match(0.98, "File, Line, Begin Offset, End Offset, Type (Comprehend)")
    return None


def _read_comprehend(source: Source, options: ReadOptions) -> Iterator[Record]:
    found: dict[str, dict[int, list[SpanRecord]]] = {}
    with source.open_text(newline="") as stream:
        for row in csv.DictReader(stream):
            cells = {
                (key or "").strip().lower(): value
                for key, value in row.items()
                if not isinstance(value, list)
            }
            where = Where(source.name, 1, "row")
            if any(not cells.get(key) for key in ("file", "line", "begin offset", "end offset", "type")):
                raise where.error(
                    f"a row without all cells: {short(cells)}", "File,Line,Begin Offset,End Offset,Type"
                )
            label = str(cells["type"])
            span = SpanRecord(
                offset(cells["begin offset"], where),
                offset(cells["end offset"], where),
                options.labels.get(label, label),
            )
            found.setdefault(str(cells["file"]), {}).setdefault(offset(cells["line"], where), []).append(span)
    if not found:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one annotation a row")
    by_file = options.group_by is not None and options.group_by.lower() == "file"
    for name, by_line in found.items():
        meta = {"group": name} if by_file else {}
        text = text_beside(source, name, "the documents that the annotations belong to, beside them")
        last = -1
        for number, line in text.lines():
            last = number - 1
            yield Record(text.name, number, line, by_line.get(number - 1, []), meta=dict(meta))
        for number in sorted(n for n in by_line if n > last):
            yield Record(text.name, number + 1, "", by_line[number], meta=dict(meta))


_EXAMPLE = {
    "annotations.csv": """File,Line,Begin Offset,End Offset,Type
curie.txt,0,0,11,PER
curie.txt,0,24,30,LOC
""",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
COMPREHEND = Format(
    "comprehend",
    "Amazon Comprehend annotations CSV beside its texts",
    (".csv",),
    _sniff_comprehend,
    _read_comprehend,
    example=_EXAMPLE,
)
