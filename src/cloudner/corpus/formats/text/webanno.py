"""WebAnno TSV 3 (WebAnno, INCEpTION): tokens with offsets, one column a feature, spans numbered `PER[3]`.

Format: https://webanno.github.io/webanno/releases/3.6.6/docs/user-guide.html#sect_webannotsv
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import in_project
from cloudner.corpus.formats.cas import label_feature
from cloudner.corpus.formats.words import gap
from cloudner.errors import InputError

_FORMAT = re.compile(r"#FORMAT=WebAnno TSV 3")
_LAYER = re.compile(r"#T_(?P<kind>SP|CH|RL)=(?P<name>[^|]+)(?P<features>.*)")
_TOKEN = re.compile(r"(?P<sentence>\d+)-(?P<token>\d+)(?P<part>\.\d+)?")
_OFFSETS = re.compile(r"(\d+)-(\d+)")
_VALUE = re.compile(r"(?P<value>(?:\\.|[^\\\[])*)(?:\[(?P<number>\d+)\])?")
_UNESCAPE = re.compile(r"\\(.)")
# Layers of spans that are on every token and name no entities.
_OTHER_LAYERS = ("pos.", ".pos", "lemma", "morph", "stem", "sentence", "paragraph", "tokenization", "chunk")


class Column(NamedTuple):
    """A column that holds entity labels: its place in a row (from 0) and its name."""

    place: int
    name: str


def columns(lines: list[str], wanted: str | None = None) -> tuple[list[Column], list[str]]:
    """The columns of entity labels that the head of a file declares, and the names of all span layers.

    wanted: the layer, by its name or the last part of it; by default that of named entities.
    """
    at = 3
    found: list[tuple[str, int, list[str]]] = []
    for line in lines:
        if not (match := _LAYER.match(line)):
            continue
        features = match["features"].split("|")[1:]
        if match["kind"] == "SP":
            found.append((match["name"], at, features))
        at += len(features) if features else 1
    names = [name for name, _, _ in found]
    if wanted is not None:
        chosen = [layer for layer in found if wanted in (layer[0], layer[0].rsplit(".", 1)[-1])]
        return [_label_column(*layer) for layer in chosen], names
    chosen = [layer for layer in found if "namedentity" in layer[0].lower().replace("_", "")]
    if not chosen:
        chosen = [layer for layer in found if not any(other in layer[0].lower() for other in _OTHER_LAYERS)]
    return [_label_column(*layer) for layer in chosen], names


def _label_column(name: str, start: int, features: list[str]) -> Column:
    """The column of a layer's feature that is its label."""
    named = label_feature(features)
    if named is not None:
        return Column(start + features.index(named), name.rsplit(".", 1)[-1])
    label = next((i for i, f in enumerate(features) if f.lower() not in ("identifier", "id")), 0)
    return Column(start + label, name.rsplit(".", 1)[-1])


def sniff(sample: Sample) -> Match | None:
    if not any(_FORMAT.match(line) for line in sample.lines[:3]):
        return None
    found, _ = columns(sample.lines)
    return Match(1.0, "#FORMAT=WebAnno TSV 3, " + (f"layer {found[0].name}" if found else "no entity layer"))


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a file, its text put together from the tokens' offsets (UTF-16 code units in the file)."""
    head: list[str] = []
    document: _Document | None = None
    for number, line in source.lines():
        if line.startswith("#T_") or number == 1:
            head.append(line)
        if not line or line.startswith(("#FORMAT", "#T_")):
            continue
        if line.startswith("#Text="):
            continue
        if document is None:
            document = _Document(source.name, number, _entity_columns(source.name, head, options))
        document.add(line, number)
    if document is None:
        raise InputError(
            "no token in the file", file=source.name, expected="rows such as 1-1<tab>0-5<tab>Paris"
        )
    record = document.record()
    record.annotator = in_project(source.name)
    record.notes += _other_layers(head, document.columns)
    yield record


def _other_layers(head: list[str], read_: list[Column]) -> list[tuple[str, str, str]]:
    """Notes on the layers of spans that may hold entities too."""
    taken = {column.name for column in read_}
    return [
        ("unsupported", "noted", f"the layer {short} left out; --entities-column {short}")
        for name in columns(head)[1]
        if (short := name.rsplit(".", 1)[-1]) not in taken
        and not any(other in name.lower() for other in _OTHER_LAYERS)
    ]


def _entity_columns(file: str, head: list[str], options: ReadOptions) -> list[Column]:
    if not head or not _FORMAT.match(head[0]):
        raise InputError(
            f"the file begins {head[0][:40]!r}" if head else "no head",
            file=file,
            line=1,
            expected="#FORMAT=WebAnno TSV 3",
            fix="export again as WebAnno TSV v3",
        )
    found, names = columns(head, options.entities_column)
    if not found:
        raise InputError(
            f"no layer of named entities among {', '.join(names) or 'no span layers'}",
            file=file,
            line=1,
            expected="a line such as #T_SP=webanno.custom.NamedEntity|value",
            fix="export the layer that holds the entities",
        )
    return found


class _Document:
    def __init__(self, file: str, line: int, entity_columns: list[Column]) -> None:
        self.file, self.line, self.columns = file, line, entity_columns
        self.pieces: list[str] = []
        self.units, self.length = 0, 0  # of the text so far, in UTF-16 code units and in characters
        self.unit_starts: list[int] = []  # of each token, to map offsets of its parts
        self.tokens: list[tuple[int, int, str]] = []  # first unit, first character, token
        self.numbered: dict[tuple[int, str, str], list[int]] = {}  # column, number, label -> start, end
        self.spans: list[SpanRecord] = []

    def add(self, line: str, number: int) -> None:
        row = line.split("\t")
        place = _TOKEN.fullmatch(row[0])
        offsets = _OFFSETS.fullmatch(row[1]) if len(row) > 2 else None
        if place is None or offsets is None:
            raise InputError(
                f"{line[:60]!r}",
                file=self.file,
                line=number,
                expected="sentence-token, start-end and the token, parted by tabs",
                fix="mend the line or export the document again",
            )
        begin, end = int(offsets[1]), int(offsets[2])
        if end - begin != _units(row[2]):  # some versions escape signs of the format in tokens, as in values
            row[2] = _UNESCAPE.sub(r"\1", row[2])
        if place["part"] is None:
            if begin < self.units or end - begin != _units(row[2]):
                raise InputError(
                    f"the offsets {row[1]} of {row[2]!r}",
                    file=self.file,
                    line=number,
                    expected=f"a start from {self.units} and {_units(row[2])} UTF-16 code units",
                    fix="export the document again",
                )
            empty = gap(begin - self.units, self.file, number)
            new_sentence = place["token"] == "1"
            self.pieces += (("\n" if new_sentence and self.tokens else " ") * empty, row[2])
            self.tokens.append((begin, self.length + empty, row[2]))
            self.unit_starts.append(begin)
            self.units, self.length = end, self.length + empty + len(row[2])
        start, stop = self._character(begin, number), self._character(end, number)
        for column in self.columns:
            if column.place >= len(row):
                continue
            for value in _stacked(row[column.place]):
                self._annotate(column, value, start, stop)

    def _character(self, unit: int, number: int) -> int:
        index = max(0, bisect_left(self.unit_starts, unit + 1) - 1)
        first, character, token = self.tokens[index] if self.tokens else (0, 0, "")
        prefix = token.encode("utf-16-le")[: 2 * (unit - first)]
        if not self.tokens or unit - first > _units(token):
            raise InputError(
                f"offset {unit} lies in no token", file=self.file, line=number, expected="a part of a token"
            )
        return character + len(prefix.decode("utf-16-le", errors="ignore"))

    def _annotate(self, column: Column, value: str, start: int, end: int) -> None:
        match = _VALUE.fullmatch(value)
        label = _UNESCAPE.sub(r"\1", match["value"]) if match else value
        if label in ("_", ""):
            return
        if label == "*":  # a span whose label was never chosen
            label = ""
        number = match["number"] if match else None
        if number is None:
            self.spans.append(SpanRecord(start, end, label))
            return
        limits = self.numbered.setdefault((column.place, number, label), [start, end])
        limits[0], limits[1] = min(limits[0], start), max(limits[1], end)

    def record(self) -> Record:
        text = "".join(self.pieces)
        spans = [*self.spans, *(SpanRecord(a, b, label) for (_, _, label), (a, b) in self.numbered.items())]
        spans.sort(key=lambda s: (s.start, -s.end))
        starts = self.tokens[0][1] if self.tokens else 0
        if starts:  # text before the first token is white space
            text = text[starts:]
            spans = [span._replace(start=span.start - starts, end=span.end - starts) for span in spans]
        return Record(self.file, self.line, text=text, spans=spans)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _stacked(cell: str) -> list[str]:
    """The annotations of one cell, parted by bars that no backslash precedes."""
    return re.split(r"(?<!\\)\|", cell)


_EXAMPLE = """#FORMAT=WebAnno TSV 3.2
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value


#Text=Marie Curie was born in Warsaw.
1-1\t0-5\tMarie\tPER[1]\t
1-2\t6-11\tCurie\tPER[1]\t
1-3\t12-15\twas\t_\t
1-4\t16-20\tborn\t_\t
1-5\t21-23\tin\t_\t
1-6\t24-30\tWarsaw\tLOC\t
1-7\t30-31\t.\t_\t
"""
WEBANNO = Format(
    name="webanno",
    description="WebAnno TSV 3, as WebAnno and INCEpTION export it",
    extensions=(".tsv",),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)
