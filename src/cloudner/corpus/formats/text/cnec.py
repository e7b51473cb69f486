"""Czech Named Entity Corpus as plain text: a sentence a line, `<P<pf Jan> <ps Novák>> přijel do <gu Prahy> .`"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.stream import peek
from cloudner.errors import InputError

_OPEN = re.compile(r"<(?P<label>[A-Za-z][A-Za-z_]{0,5}|[?!])(?: |(?=<))")
_MARKUP = re.compile(r"</|/>|\t|<\w+ [\w:-]+=")  # XML, HTML or a table
_EDGE = re.compile(rf"{_OPEN.pattern}|>")


def _sniff(sample: Sample) -> Match | None:
    text = "\n".join(sample.lines)
    opened = text.count("<")
    labels = sorted({match["label"] for match in _OPEN.finditer(text)})
    if not labels or peek(sample) is not None or _MARKUP.search(text) or opened != text.count(">"):
        return None
    if len(_OPEN.findall(text)) != opened or any(line.count("<") != line.count(">") for line in sample.lines):
        return None
    return Match(0.9, f"entities as <label words> ({', '.join(labels[:3])})")


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line. Raises InputError (file, line) for brackets that do not pair."""
    found = False
    for number, line in source.lines():
        if not line.strip():
            continue
        found = True
        pieces: list[str] = []
        spans: list[SpanRecord] = []
        around: list[tuple[str, int]] = []
        length = at = 0
        for match in _EDGE.finditer(line):
            piece = html.unescape(line[at : match.start()])
            pieces.append(piece)
            length += len(piece)
            at = match.end()
            if match["label"] is not None:
                around.append((match["label"], length))
            elif around:
                label, start = around.pop()
                spans.append(SpanRecord(start, length, options.labels.get(label, label)))
            else:
                raise _unpaired(source.name, number, ">")
        if around:
            raise _unpaired(source.name, number, f"<{around[-1][0]}")
        text = "".join(pieces) + html.unescape(line[at:])
        spans.reverse()  # of two around the same words the outer one first
        spans.sort(key=lambda span: (span.start, -span.end))
        yield Record(source.name, number, text, spans)
    if not found:
        raise InputError("no text in the file", file=source.name, expected="text with <label words>")


def _unpaired(file: str, line: int, what: str) -> InputError:
    return InputError(
        f"{what!r} without its other bracket",
        file=file,
        line=line,
        expected="<label words> within the line",
        fix="mend the line; a < or > that is text is written &lt; or &gt;",
    )


CNEC = Format(
    "cnec",
    "Czech Named Entity Corpus as plain text: <P<pf Jan> <ps Novák>>",
    (".txt",),
    _sniff,
    _read,
    example="<PER Marie Curie> was born in <LOC Warsaw>.\n",
)
