"""A sentence a line with its entities in double braces, `{{location:杭州}}` (the corpus of Boson and its like)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.errors import InputError

_MARK = re.compile(r"\{\{\s*(?P<label>[^\W\d][\w.-]*)\s*[:：](?P<surface>[^{}]*)\}\}")


def sniff(sample: Sample) -> Match | None:
    marks = _MARK.findall(sample.text)
    if not marks or len(marks) < 0.9 * sample.text.count("{{"):
        return None
    labels = sorted({label for label, _ in marks})
    return Match(0.85, f"entities in double braces ({', '.join(labels[:3])})")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line. Raises InputError (file, line) for braces that are not `{{label:words}}`."""
    found = False
    for number, line in source.lines():
        line = line.replace("\\n", "\n").strip()  # the corpus writes its line ends as two characters
        if not line:
            continue
        record = Record(source.name, number, "")
        at = 0
        pieces: list[str] = []
        length = 0
        for match in _MARK.finditer(line):
            before, surface = line[at : match.start()], match["surface"].strip()
            _refuse(before, source.name, number)
            start = length + len(before)
            if surface:
                record.spans.append(SpanRecord(start, start + len(surface), match["label"], surface))
            else:
                done = f"{match[0]} has no words: left out"
                record.notes.append(("empty", "dropped", done))
            pieces += (before, surface)
            length = start + len(surface)
            at = match.end()
        _refuse(line[at:], source.name, number)
        record.text = "".join(pieces) + line[at:]
        found = True
        yield record
    if not found:
        raise InputError("no text in the file", file=source.name, expected="text with {{label:words}}")


def _refuse(text: str, file: str, number: int) -> None:
    if "{{" in text or "}}" in text:
        raise InputError(
            f"braces that mark nothing in {text.strip()[:60]!r}",
            file=file,
            line=number,
            expected="{{label:words}}, not nested",
            fix="mend the line",
        )


_EXAMPLE = "{{PER:Marie Curie}} was born in {{LOC:Warsaw}}.\n"
BRACES = Format(
    "braces",
    "a sentence a line, entities as {{label:words}} (Boson)",
    (".txt",),
    sniff,
    read,
    example=_EXAMPLE,
)
