"""BioCreative II's gene mentions: `GENE.eval` with places that count no spaces, its sentences in `train.in` or `test.in`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.beside import mention_lines
from cloudner.errors import InputError

_MENTION = re.compile(r"(?P<id>[^\s|]+)\|(?P<first>\d{1,7}) (?P<last>\d{1,7})\|(?P<words>.*\S)\s*")
_TEXTS = ("train.in", "test.in")
_EXPECTED = "ID|FIRST LAST|WORDS, with the first and the last character, spaces not counted"


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines if line.strip()]
    if lines and all(map(_MENTION.fullmatch, lines)):
        if sample.name.startswith("alt"):  # ALTGENE.eval: other answers that count as right, beside GENE.eval
            return Match(0.4, "other ways to mark the mentions of the file beside it (BC2GM)")
        return Match(0.97, "an id, first and last character, and words a line (BC2GM)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence. The label is the file's name: GENE of `GENE.eval`."""
    mentions: dict[str, list[tuple[int, int, str]]] = {}
    for _, match in mention_lines(source, _MENTION, _EXPECTED):
        mentions.setdefault(match["id"], []).append(
            (int(match["first"]), int(match["last"]) + 1, match["words"])
        )
    texts = source.sibling(".in") or next(filter(None, map(source.neighbour, _TEXTS)), None)
    if texts is None:
        raise InputError(
            "no file of its sentences is beside it",
            file=source.name,
            expected="train.in or test.in, an id and a sentence a line",
            fix="put it into the same folder",
        )
    label = unpacked(base_name(source.name)).rsplit(".", 1)[0].upper()
    label = options.labels.get(label, label)
    for number, line in texts.lines():
        if not line.strip():
            continue
        identity, _, text = line.partition(" ")
        record = Record(texts.name, number, text, meta={"id": identity})
        places = [at for at, character in enumerate(text) if character != " "]
        for first, end, words in mentions.pop(identity, ()):
            if not first < end <= len(places):
                raise InputError(
                    f"{identity}: {words!r} at {first} to {end - 1} of {len(places)} characters",
                    file=source.name,
                    expected=_EXPECTED,
                )
            record.spans.append(SpanRecord(places[first], places[end - 1] + 1, label, words))
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record
    if mentions:
        raise InputError(
            f"mentions in {next(iter(mentions))!r}, which {base_name(texts.name)} has not",
            file=source.name,
            expected="the id of a sentence there",
        )


_EXAMPLE = {
    "GENE.eval": "curie|0 9|Marie Curie\ncurie|19 24|Warsaw\n",
    "train.in": "curie Marie Curie was born in Warsaw.\n",
}
BC2GM = Format(
    "bc2gm",
    "BC2GM: gene mentions in GENE.eval, places without spaces, beside train.in or test.in",
    (".eval",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
