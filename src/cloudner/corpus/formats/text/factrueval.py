"""factRuEval-2016: NAME.objects names spans of NAME.spans, which count the characters of NAME.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines
from cloudner.errors import InputError

_OBJECT = re.compile(r"(?P<id>\d+) (?P<label>[A-Z][A-Za-z]*)(?P<spans>(?: \d+)+)\s*(?:#\s*(?P<words>.*))?")
_SPAN = re.compile(r"(?P<id>\d+) (?P<kind>\w+) (?P<start>\d+) (?P<size>\d+)(?: \d+)*\s*(?:#.*)?")


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if lines and all(map(_OBJECT.fullmatch, lines)):
        return Match(0.97, "objects by the numbers of their spans (factRuEval)")
    return None


def _beside(source: Source, suffix: str) -> Source:
    found = source.sibling(suffix)
    if found is None:
        name = unpacked(base_name(source.name)).removesuffix(".objects") + suffix
        raise InputError(
            f"there is no {name} beside it",
            file=source.name,
            expected="NAME.objects, NAME.spans and NAME.txt together",
            fix=f"put {name} into the same folder",
        )
    return found


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record. An object is one span from the first of its own to the last, told where words stand between."""
    places: dict[str, tuple[int, int]] = {}
    spans = _beside(source, ".spans")
    for _, match in mention_lines(spans, _SPAN, "number, kind, start, length and words of a span"):
        start = int(match["start"])
        places[match["id"]] = (start, start + int(match["size"]))
    text = _beside(source, ".txt")
    identity = unpacked(base_name(source.name)).removesuffix(".objects")
    record = Record(text.name, 1, text.text(), meta={"id": identity})
    for number, match in mention_lines(source, _OBJECT, "number, type and spans of an object"):
        own = match["spans"].split()
        missing = next((each for each in own if each not in places), None)
        if missing is not None:
            raise InputError(
                f"the span {missing}",
                file=source.name,
                line=number,
                expected=f"one that is in {base_name(spans.name)}",
            )
        found = sorted({places[each] for each in own})
        start, end = found[0][0], max(last for _, last in found)
        label = options.labels.get(match["label"], match["label"])
        words = (record.text or "")[start:end]
        between = [_words_between(record.text or "", a[1], b[0]) for a, b in pairwise(found)]
        if any(between):
            record.notes.append(
                ("unsupported", "changed", f"{label} {words!r}, spans with words between, made one")
            )
        record.spans.append(SpanRecord(start, end, label))
    record.spans.sort(key=lambda span: (span.start, -span.end))
    yield record


def _words_between(text: str, start: int, end: int) -> bool:
    """Is there a letter or a digit between two places?"""
    return any(map(str.isalnum, text[start:end]))


_EXAMPLE = {
    "curie.objects": "1 PER 11 12 # Marie Curie\n2 LOC 13 # Warsaw\n",
    "curie.spans": "11 name 0 5 1 1 # 1 Marie\n12 surname 6 5 2 1 # 2 Curie\n13 loc_name 24 6 6 1 # 6 Warsaw\n",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
FACTRUEVAL = Format(
    "factrueval",
    "factRuEval-2016: objects of spans in NAME.objects beside NAME.spans and NAME.txt",
    (".objects",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
