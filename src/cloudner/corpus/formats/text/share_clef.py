"""ShARe/CLEF eHealth and SemEval's clinical tasks: a disorder a line, parted by bars, beside the clinical text.

`NAME.txt||Disease_Disorder||C0015967||8||13` (2013 and SemEval 2014), or `NAME.text|8-13|C0015967|no|null|...` (2014 and
SemEval 2015). A disorder may have several parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines, text_beside

_BARS = r"(?P<name>[^|\s][^|]*)\|\|(?P<label>[^|]+)\|\|[^|]*(?P<places>(?:\|\|\d{1,9}\|\|\d{1,9})+)\s*"
_DASHES = r"(?P<file>[^|\s][^|]*)\|(?P<spans>\d{1,9}-\d{1,9}(?:,\d{1,9}-\d{1,9})*)\|[^|]*(?:\|.*)?"
_MENTION = re.compile(f"{_BARS}|{_DASHES}")
_EXPECTED = "NAME.txt||LABEL||CUI||START||END, or NAME.text|START-END|CUI|..."
_DISORDER = "Disease_Disorder"  # what the second kind of lines is about
_ENDINGS = (".pipe.txt", ".pipe")


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if lines and all(map(_MENTION.fullmatch, lines)):
        return Match(0.97, "file, label and offsets with bars between them (ShARe/CLEF)")
    if not lines and sample.name.endswith(_ENDINGS):
        return Match(0.8, "an empty .pipe file")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a text that the lines name; of an empty file the text of its name. Ends are behind the last character."""
    records: dict[str, Record] = {}
    for number, match in mention_lines(source, _MENTION, _EXPECTED):
        name = match["name"] or match["file"]
        if name not in records:
            records[name] = _record(_text(source, name))
        record = records[name]
        digits = [int(digit) for digit in re.findall(r"\d+", match["places"] or match["spans"])]
        places = sorted(zip(digits[::2], digits[1::2], strict=True))
        label = match["label"] or _DISORDER
        text = record.text or ""
        if any(text[a[1] : b[0]].strip() for a, b in pairwise(places)):
            words = " ... ".join(text[start:end] for start, end in places)
            done = f"{label} {words!r} (line {number}), in {len(places)} parts, made one span"
            record.notes.append(("unsupported", "changed", done))
        span = SpanRecord(places[0][0], places[-1][1], options.labels.get(label, label))
        record.spans.append(span)
    if not records:
        records[""] = _record(_text(source, ""))
    for record in records.values():
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record


def _record(text: Source) -> Record:
    return Record(text.name, 1, text.text(), meta={"id": _stem(text.name)})


def _text(source: Source, name: str) -> Source:
    """The text of that name, or the one that is called as the annotations are."""
    found = source.neighbour(name) if name else None
    if found is None:
        beside = source.sibling(".txt") or source.sibling(".text")
        if beside is not None and (not name or _stem(beside.name) == _stem(name)):
            found = beside
    return found or text_beside(source, name or "NAME.txt", "the clinical text")


def _stem(name: str) -> str:
    return unpacked(base_name(name)).rsplit(".", 1)[0]


_EXAMPLE = {
    "curie.pipe.txt": "curie.txt||PER||CUI-less||0||11\ncurie.txt||LOC||CUI-less||24||30\n",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
SHARE_CLEF = Format(
    "share-clef",
    "ShARe/CLEF eHealth, SemEval's clinical tasks: disorders with bars between, beside the text",
    (".pipe.txt", ".pipe"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
