"""PubTator: `PMID|t|title`, `PMID|a|abstract`, then `PMID<tab>start<tab>end<tab>surface<tab>type<tab>id`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.words import refuse, refuse_missing, text_of, unused
from cloudner.errors import InputError

_PASSAGE = re.compile(r"(?P<id>[^|\t]+)\|(?P<kind>[a-z])\|(?P<text>.*)", re.DOTALL)


def sniff(sample: Sample) -> Match | None:
    titles = sum((m := _PASSAGE.match(line)) is not None and m["kind"] == "t" for line in sample.lines)
    if not titles:
        return None
    spans = sum(len(line.split("\t")) >= 5 for line in sample.lines)
    if not spans and not any(
        (m := _PASSAGE.match(line)) is not None and m["kind"] == "a" for line in sample.lines
    ):
        return None
    return Match(0.98, f"{titles} `id|t|title` lines and {spans} annotation rows")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record an article: title and abstract with one space between, as PubTator counts its offsets."""
    record: Record | None = None
    for number, line in source.lines():
        if not line.strip():
            continue
        if match := _PASSAGE.match(line):
            if record is not None and match["kind"] == "t":
                yield record
                record = None
            if record is None:
                record = Record(source.name, number, text=match["text"], meta={"id": match["id"].strip()})
            else:
                record.text = f"{record.text} {match['text']}"
            continue
        row = line.split("\t")
        if record is None or row[0].strip() != record.meta["id"]:
            raise InputError(
                f"an annotation of {row[0][:40]!r}",
                file=source.name,
                line=number,
                expected="the lines ID|t|title and ID|a|abstract of that article before it",
                fix="put the annotations below their article",
            )
        if len(row) == 4 or (
            len(row) > 4 and not row[1].lstrip("-").isdigit() and not row[2].lstrip("-").isdigit()
        ):
            record.notes.append(("unsupported", "noted", f"relation left out: {' '.join(row[1:])[:80]}"))
            continue
        if len(row) < 5 or not row[1].isdecimal() or not row[2].isdecimal() or int(row[1]) > int(row[2]):
            raise InputError(
                f"{line[:60]!r}",
                file=source.name,
                line=number,
                expected="ID, start, end, surface and type, parted by tabs; offsets from 0, start before end",
                fix="mend the line",
            )
        record.spans.append(SpanRecord(int(row[1]), int(row[2]), row[4].strip(), row[3]))
    if record is None:
        raise InputError("no article in the file", file=source.name, expected="lines such as 123|t|title")
    yield record


def write(records: Iterable[Record], stream: IO[str]) -> None:
    """PubTator with the whole text as title and an empty abstract; identifiers are counted where there is none."""
    used: set[str] = set()
    for count, record in enumerate(records, 1):
        refuse_missing(record, "pubtator")
        text, spans = text_of(record)
        if "\n" in text or "\r" in text:
            refuse(record, "pubtator", "a text of several lines")
        identity = re.sub(r"[|\t\r\n]", "_", str(record.meta.get("id", count))) or str(count)
        identity = unused(identity, count, used)
        stream.write(f"{identity}|t|{text}\n")
        for span in spans:
            surface = text[span.start : span.end]
            if "\t" in surface:
                refuse(record, "pubtator", f"the tab in {surface!r}")
            if re.search(r"[\t\r\n]", span.label) or not span.label.strip():
                refuse(record, "pubtator", f"the label {span.label!r}")
            stream.write(f"{identity}\t{span.start}\t{span.end}\t{surface}\t{span.label}\n")
        stream.write("\n")


PUBTATOR = Format(
    name="pubtator",
    description="PubTator: ID|t|title, ID|a|abstract, annotation rows",
    extensions=(".pubtator", ".txt"),
    sniff=sniff,
    read=read,
    write=write,
)
