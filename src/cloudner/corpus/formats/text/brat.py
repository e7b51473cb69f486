"""brat standoff: a text in NAME.txt, its annotations in NAME.ann.

Format: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.words import refuse_missing, text_of
from cloudner.errors import InputError

_TEXT_BOUND = re.compile(
    r"T\S*\t(?P<label>\S+) (?P<offsets>-?\d+ -?\d+(?:;-?\d+ -?\d+)*)(?:\t(?P<surface>.*))?"
)
# What other programs write, though brat itself cannot read it.
_BLANK_LABEL = re.compile(r"T\S*\t(?P<label>\S+(?: [^\s\d-]\S*)+) \d+ \d+(?:;\d+ \d+)*(?:\t.*)?")
_OTHER = re.compile(r"[REAMN#*]\S*[\t ]")
_NAME = re.compile(r"[^\w.-]+")


def sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    bound = sum(_TEXT_BOUND.fullmatch(line) is not None for line in lines)
    if bound and all(_TEXT_BOUND.fullmatch(line) or _OTHER.match(line) for line in lines):
        return Match(0.98, f"{bound} brat lines such as {lines[0][:40]!r}")
    bound = bound or sum(_BLANK_LABEL.fullmatch(line) is not None for line in lines)
    if bound and sample.name.endswith(".ann"):
        return Match(0.9, f"{bound} brat lines in an .ann file")
    if sample.name.endswith(".ann"):
        return Match(0.8, "an .ann file")
    return None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """The one record of a pair; either file of it may be given.

    A span that brat parted only because a line of the text ends within it is put together again. A truly
    discontinuous one becomes one span over all its fragments, with a note. Relations, events, attributes and
    notes are no spans; relations and events are counted in a note.
    """
    given = unpacked(source.name.lower())
    if given.endswith(".a2") and source.sibling(".a1") is not None:
        return  # read with the .a1 file
    is_text = given.endswith(".txt")
    annotations, text_source = (
        (source.sibling(".ann"), source) if is_text else (source, source.sibling(".txt"))
    )
    if annotations is None or text_source is None:
        raise InputError(
            f"there is no {'.ann' if is_text else '.txt'} file beside it",
            file=source.name,
            expected="both files of a brat pair, NAME.txt and NAME.ann",
            fix="give the folder that holds both",
        )
    text = text_source.text()
    name = unpacked(base_name(text_source.name))
    record = Record(text_source.name, 1, text=text, meta={"id": name.rsplit(".", 1)[0]})
    others = 0
    # BioNLP's shared tasks have the given entities in NAME.a1 and those of the events in NAME.a2
    more = source.sibling(".a2") if given.endswith(".a1") else None
    for part in (annotations, more):
        for number, line in part.lines() if part is not None else ():
            if _OTHER.match(line):
                others += line[0] in "RE*"
            elif match := _BLANK_LABEL.fullmatch(line):
                done = f"line {number} left out: the label {match['label']!r} has a blank in it, which brat cannot hold"
                record.notes.append(("unsupported", "dropped", done))
            elif line.strip():
                record.spans.append(_span(part.name if part else "", number, line, record))
    if others:
        record.notes.append(("unsupported", "noted", f"{others} relations and events left out"))
    _without_mark(record, text_source)
    record.spans.sort(key=lambda s: (s.start, -s.end, s.label))
    yield record


def _without_mark(record: Record, source: Source) -> None:
    """Counts the spans without a byte order mark at the beginning of the text, where they were counted with it, as brat does."""
    with source.open_bytes() as stream:
        if stream.read(3) != BOM_UTF8:
            return
    text = record.text or ""
    moved = [
        span._replace(start=span.start - 1, end=span.end - 1) if span.start else span for span in record.spans
    ]
    fits = [
        sum(span.surface is not None and text[span.start : span.end] == span.surface for span in spans)
        for spans in (record.spans, moved)
    ]
    if fits[1] > fits[0]:
        done = f"{len(moved)} spans counted without the byte order mark that the text begins with"
        record.notes.append(("offsets-moved", "repaired", done))
        record.spans = moved


def _span(file: str, number: int, line: str, record: Record) -> SpanRecord:
    match = _TEXT_BOUND.fullmatch(line)
    if match is None:
        raise InputError(
            f"{line[:60]!r}",
            file=file,
            line=number,
            expected="T1<tab>LABEL START END<tab>surface text, or a line that begins with R, E, A, M, N, # or *",
            fix="mend the line",
        )
    fragments = [tuple(map(int, pair.split(" "))) for pair in match["offsets"].split(";")]
    if any(start < 0 or end < start for start, end in fragments):
        raise InputError(
            f"the offsets {match['offsets']}",
            file=file,
            line=number,
            expected="START END with 0 <= START <= END",
            fix="mend the line",
        )
    fragments.sort()
    start, end = fragments[0][0], fragments[-1][1]
    surface = match["surface"]
    if len(fragments) > 1:
        text = record.text or ""
        gaps = [text[a[1] : b[0]] for a, b in pairwise(fragments)]
        if all(gap == "" or gap.isspace() for gap in gaps):
            if surface is not None and surface.split() == text[start:end].split():
                surface = None
        else:
            done = f"{match['label']} {match['offsets']} ({surface}) made one span {start}:{end}"
            record.notes.append(("unsupported", "changed", done))
            surface = None
    return SpanRecord(start, end, match["label"], surface)


def write_path(records: Iterable[Record], folder: Path) -> None:
    """A folder of pairs, named by `meta["id"]` or counted. Line ends within a span part it, as brat does it."""
    folder.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    for count, record in enumerate(records, 1):
        name = _NAME.sub("_", str(record.meta.get("id", ""))).strip("._") or f"document-{count:05}"
        if name.lower() in used:
            name = f"{name}-{count:05}"
        used.add(name.lower())
        refuse_missing(record, "brat")
        text, spans = text_of(record)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
        with open(folder / f"{name}.ann", "w", encoding="utf-8", newline="\n") as stream:
            for index, span in enumerate(spans, 1):
                if not span.label or re.search(r"\s", span.label):
                    raise InputError(
                        f"the label {span.label!r}, which brat cannot hold",
                        file=record.file,
                        line=record.line,
                        expected="a label without white space",
                    )
                lines = [m.span() for m in re.finditer(r"[^\r\n]+", text[span.start : span.end])]
                if not lines:
                    raise InputError(
                        f"the empty span {span.start}:{span.end}:{span.label}",
                        file=record.file,
                        line=record.line,
                        expected="spans that cover text",
                    )
                offsets = ";".join(f"{span.start + a} {span.start + b}" for a, b in lines)
                surface = " ".join(text[span.start + a : span.start + b] for a, b in lines)
                stream.write(f"T{index}\t{span.label} {offsets}\t{surface}\n")


BRAT = Format(
    name="brat",
    description="brat standoff, pairs of NAME.txt and NAME.ann (written as a folder of pairs)",
    extensions=(".ann",),
    sniff=sniff,
    read=read,
    write_path=write_path,
)
