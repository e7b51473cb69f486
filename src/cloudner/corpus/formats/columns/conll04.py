"""CoNLL-04 (Roth and Yih): nine columns with a row an entity, its words parted by slashes; the relations below a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.errors import InputError

_COLUMNS, _LABEL, _NUMBER, _POS, _WORDS = 9, 1, 2, 4, 5


def _is_row(row: list[str]) -> bool:
    return len(row) == _COLUMNS and row[0].isdecimal() and row[_NUMBER].isdecimal()


def _is_relation(row: list[str]) -> bool:
    return len(row) == 3 and row[0].isdecimal() and row[1].isdecimal()


def _sniff(sample: Sample) -> Match | None:
    rows = [line.rstrip().split("\t") for line in sample.lines if line.strip()]
    if not rows or not all(_is_row(row) or _is_relation(row) for row in rows):
        return None
    words = [row for row in rows if _is_row(row)]
    # what is empty in all of them: three columns of the shared task that the corpus does not use
    if not words or any({row[3], *row[6:]} != {"O"} for row in words):
        return None
    return Match(0.97, "nine columns, the label before the words (CoNLL-04)")


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence; the words of a row are parted where its parts of speech are. Relations are left out, and told."""
    record: Record | None = None
    relations = 0
    for number, line in source.lines():
        row = line.rstrip().split("\t")
        if line.strip() and not _is_row(row) and not _is_relation(row):
            raise InputError(
                f"{len(row)} columns in {line[:60]!r}",
                file=source.name,
                line=number,
                expected="nine columns of a word, or the three of a relation",
                fix="mend the line",
            )
        if not _is_row(row):
            relations += bool(line.strip())
            continue
        if record is not None and int(row[_NUMBER]) == 0:
            yield _told(record, relations)
            record, relations = None, 0
        if record is None:
            record = Record(source.name, number, tokens=[], tags=[], sent_starts=[0], meta={"id": row[0]})
        _add(record, row)
    if record is None:
        raise InputError("no word in the file", file=source.name, expected="nine columns of a word")
    yield _told(record, relations)


def _add(record: Record, row: list[str]) -> None:
    words, parts = row[_WORDS].split("/"), row[_POS].split("/")
    if len(words) != len(parts):
        words = [row[_WORDS]]
    label = row[_LABEL]
    assert record.tokens is not None
    assert record.tags is not None
    record.tokens += ["," if word == "COMMA" else word for word in words]
    begin, inside = ("O", "O") if label == "O" else (f"B-{label}", f"I-{label}")
    record.tags += [begin] + [inside] * (len(words) - 1)


def _told(record: Record, relations: int) -> Record:
    if relations:
        record.notes.append(("unsupported", "noted", f"{relations} relations left out"))
    return record


_EXAMPLE = """0\tPER\t0\tO\tNNP/NNP\tMarie/Curie\tO\tO\tO
0\tO\t1\tO\tVBD\twas\tO\tO\tO
0\tO\t2\tO\tVBN\tborn\tO\tO\tO
0\tO\t3\tO\tIN\tin\tO\tO\tO
0\tLOC\t4\tO\tNNP\tWarsaw\tO\tO\tO
0\tO\t5\tO\t.\t.\tO\tO\tO
"""
CONLL04 = Format(
    "conll04",
    "CoNLL-04: a row an entity, its label before its words (John/Smith), relations below",
    (".corp", ".txt"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
