"""GATE XML: a text with numbered nodes and sets of annotations between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

# What GATE's own components mark besides entities, and the mark-up of the page it came from.
_OTHER_TYPES = frozenset(
    (
        "Token",
        "SpaceToken",
        "DEFAULT_TOKEN",
        "Sentence",
        "Split",
        "Lookup",
        "paragraph",
        "VG",
        "NounChunk",
        "Temp",
    )
)
_OTHER_SETS = frozenset(("Original markups",))
_GOLD_SET = "Key"  # what GATE calls the set that a person annotated


_Annotation = tuple[str, str, str, str, int]  # set, type, start node, end node, line


class _Gate(Handler):
    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.pieces: list[str] = []
        self.length = 0
        self.nodes: dict[str, int] = {}
        self.in_text = False
        self.annotation_set = ""
        self.annotations: list[_Annotation] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if name == "TextWithNodes":
            self.in_text = True
        elif name == "Node":
            self.nodes[attrs.get("id", "")] = self.length
        elif name == "AnnotationSet":
            self.annotation_set = attrs.get("Name", "")
        elif name == "Annotation":
            kind, start, end = attrs.get("Type", ""), attrs.get("StartNode", ""), attrs.get("EndNode", "")
            self.annotations.append((self.annotation_set, kind, start, end, self.line))

    def endElement(self, name: str) -> None:  # noqa: N802
        if name == "TextWithNodes":
            self.in_text = False

    def characters(self, content: str) -> None:
        if self.in_text:
            self.pieces.append(content)
            self.length += len(content)


def sniff(sample: Sample) -> Match | None:
    if "<GateDocument" in sample.text:
        return Match(1.0, "a <GateDocument> element")
    return None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a file, of the set that `options.entities_column` names, of `Key` if there is one, else of all sets but
    `Original markups`."""
    gate = _Gate(source.name)
    parse(source.text(), gate)
    if not gate.nodes and not gate.pieces:
        raise InputError(
            "no <TextWithNodes>", file=source.name, expected="a GATE document", fix="export it as GATE XML"
        )
    kept = [a for a in gate.annotations if a[0] not in _OTHER_SETS and a[1] not in _OTHER_TYPES]
    text = "".join(gate.pieces)
    spans = []
    chosen, notes = _chosen(kept, options.entities_column, source.name)
    for _, kind, start, end, line in chosen:
        if start not in gate.nodes or end not in gate.nodes or gate.nodes[start] > gate.nodes[end]:
            raise InputError(
                f"annotation {kind!r} from node {start!r} to node {end!r}",
                file=source.name,
                line=line,
                expected="nodes that are in the text, the start before the end",
                fix="export the document again",
            )
        spans.append(SpanRecord(gate.nodes[start], gate.nodes[end], kind))
    whole = [span for span in spans if text[: span.start].strip() + text[span.end :].strip() == ""]
    if (
        whole
        and len(whole) < len(spans)
        and {s.label for s in whole}.isdisjoint(s.label for s in spans if s not in whole)
    ):
        # a mark of the document as such, which would swallow every entity
        spans = [span for span in spans if span not in whole]
        notes.append(
            (
                "unsupported",
                "noted",
                f"{', '.join(sorted({s.label for s in whole}))} is around the whole text: left out",
            )
        )
    spans.sort(key=lambda s: (s.start, -s.end, s.label))
    yield Record(source.name, 1, text=text, spans=spans, notes=notes)


def _chosen(
    kept: list[_Annotation], wanted: str | None, file: str
) -> tuple[list[_Annotation], list[tuple[str, str, str]]]:
    """The annotations of the set `wanted`, of `Key` or else of all, and a note where there are several sets."""
    sets = Counter(annotation[0] for annotation in kept)
    if wanted is not None and wanted not in sets:
        raise InputError(
            f"no annotation in the set {wanted!r}",
            file=file,
            expected="one of " + (", ".join(map(repr, sets)) or "the sets of the document, which has none"),
            fix="--entities-column SET",
        )
    read = wanted if wanted is not None else _GOLD_SET if _GOLD_SET in sets else None
    if read is not None:
        left = [f"{count} of the set {name!r}" for name, count in sets.items() if name != read]
        done = f"annotations left out: {', '.join(left)}; {read!r} is read"
        notes = [("unsupported", "noted", done)] if left and wanted is None else []
        return [annotation for annotation in kept if annotation[0] == read], notes
    if len(sets) < 2:
        return kept, []
    done = f"the sets {', '.join(map(repr, sets))} are read together; --entities-column SET reads one"
    return kept, [("unsupported", "noted", done)]


_EXAMPLE = """<?xml version='1.0' encoding='UTF-8'?>
<GateDocument version="3">
<GateDocumentFeatures/>
<TextWithNodes><Node id="0"/>Marie Curie<Node id="11"/> was born in <Node id="24"/>Warsaw<Node id="30"/>.</TextWithNodes>
<AnnotationSet>
<Annotation Id="1" Type="PER" StartNode="0" EndNode="11"/>
<Annotation Id="2" Type="LOC" StartNode="24" EndNode="30"/>
</AnnotationSet>
</GateDocument>
"""
GATE = Format(
    name="gate",
    description="GATE XML documents",
    extensions=(".xml", ".gate"),
    sniff=sniff,
    read=read,
    example=_EXAMPLE,
)
