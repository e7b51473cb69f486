"""CHEMDNER: `training.annotations.txt` with a mention a line, its titles and abstracts in `training.abstracts.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines, text_beside
from cloudner.errors import InputError

_MENTION = re.compile(
    r"(?P<id>[^\t]+)\t(?P<part>[TA])\t(?P<start>\d{1,7})\t(?P<end>\d{1,7})\t(?P<words>[^\t]*)\t(?P<label>[^\t]+)"
)
_EXPECTED = "ID, T or A, start, end, words and label, parted by tabs"


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if lines and all(map(_MENTION.fullmatch, lines)):
        return Match(0.97, "an id, T or A, start, end, words and label a line (CHEMDNER)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record an abstract, its title on a line before it. Offsets count within the title or within the abstract."""
    mentions: dict[str, list[tuple[str, SpanRecord]]] = {}
    for _, match in mention_lines(source, _MENTION, _EXPECTED):
        label = options.labels.get(match["label"], match["label"])
        span = SpanRecord(int(match["start"]), int(match["end"]), label, match["words"])
        mentions.setdefault(match["id"], []).append((match["part"], span))
    name = unpacked(base_name(source.name))
    beside = name.replace("annotations", "abstracts")
    if beside == name:
        beside = "abstracts.txt"
    texts = text_beside(
        source, beside, "the titles and abstracts, one a line, that the annotations belong to"
    )
    for number, line in texts.lines():
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != 3:
            raise InputError(
                f"{len(cells)} cells in a line",
                file=texts.name,
                line=number,
                expected="ID, title and abstract, parted by tabs",
            )
        identity, title, abstract = cells
        shifts = {"T": 0, "A": len(title) + 1}
        spans = [
            span._replace(start=span.start + shifts[part], end=span.end + shifts[part])
            for part, span in mentions.pop(identity, ())
        ]
        spans.sort(key=lambda span: (span.start, -span.end))
        yield Record(texts.name, number, f"{title}\n{abstract}", spans, meta={"id": identity})
    if mentions:
        raise InputError(
            f"annotations of {next(iter(mentions))!r}, which is not in {beside}",
            file=source.name,
            expected="the id of an abstract there",
        )


_EXAMPLE = {
    "annotations.txt": "curie\tT\t0\t11\tMarie Curie\tPER\ncurie\tA\t0\t6\tWarsaw\tLOC\n",
    "abstracts.txt": "curie\tMarie Curie was born in\tWarsaw.\n",
}
CHEMDNER = Format(
    "chemdner",
    "CHEMDNER: a mention a line in NAME.annotations.txt beside NAME.abstracts.txt",
    (".annotations.txt", ".tsv", ".txt"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
