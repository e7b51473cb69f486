"""The records of an XML document: which elements are one each, and their texts and spans."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

from cloudner.corpus.contract import Record, Source, SpanRecord
from cloudner.corpus.formats.xml.labels import CARRIERS, DOCUMENTS, SENTENCES, label_of
from cloudner.corpus.formats.xml.tree import READINGS, Element, Tree, entities_of, tree_of


def read_document(source: Source) -> Iterator[Record]:
    tree = tree_of(source)
    text = "".join(tree.pieces)
    root = tree.elements[0]
    units, entities, notes = _units(tree, root, text)
    spans = [SpanRecord(e.start, e.end, label_of(e.name, e.attrs) or e.name) for e in entities]
    if tree.left_out:
        done = f"{tree.left_out} <{READINGS}> elements have several readings: took the first of each"
        notes.append(("unsupported", "noted", done))
    for element in units:
        inside = [s for s in spans if element.start <= s.start and s.end <= element.end]
        for record in _records(source.name, element, root, text, inside):
            record.notes += notes
            notes = []
            yield record


def _units(
    tree: Tree, root: Element, text: str
) -> tuple[list[Element], list[Element], list[tuple[str, str, str]]]:
    """The elements that are a record each, those that are entities, and notes on what is in no record.

    What lies between two of the former is a record too where there is an entity in it.
    """
    entities = entities_of(tree)
    for names in (DOCUMENTS, SENTENCES):
        found: list[Element] = []
        for element in tree.elements:
            inside = bool(found) and element.start < found[-1].end and _within(element, found[-1])
            if (
                element.name.lower() in names
                and element is not root
                and not inside
                and not (names is DOCUMENTS and _is_in_words(element, root))
            ):
                found.append(element)
        if not found or (names is SENTENCES and (len(found) == 1 or root.name.lower() in DOCUMENTS)):
            continue
        inside_of, outside = _parted(entities, found)
        if not any(text[e.start : e.end].strip() for e in outside):
            outside = []
        if not outside or (len(found) > 1 and len(outside) <= len(inside_of)):
            units, notes = _with_gaps(found, outside, root, text)
            return units, inside_of + outside, notes
    return [root], entities, []


def _parted(entities: list[Element], units: list[Element]) -> tuple[list[Element], list[Element]]:
    """The entities within units and those without. What stands beside units, among elements, divides as they do."""
    starts = [unit.start for unit in units]
    around: set[int] = set()
    for unit in units:
        parent = unit.parent
        while parent is not None and id(parent) not in around:
            around.add(id(parent))
            parent = parent.parent
    inside, outside = [], []
    for element in entities:
        at = bisect_right(starts, element.start) - 1
        if at >= 0 and element.end <= units[at].end and id(element) not in around:
            inside.append(element)
            continue
        parent = element.parent
        beside = parent is not None and id(parent) in around and not parent.has_text
        if element.name.lower() not in CARRIERS and (beside or id(element) in around):
            around.add(id(element))
        else:
            outside.append(element)
    return inside, outside


def _is_in_words(element: Element, root: Element) -> bool:
    """Does an element stand in running text, as a footnote does, and not between texts?"""
    parent = element.parent
    if parent is not None and parent is not root and parent.has_text:
        return True
    while parent is not None and parent.name.lower() not in SENTENCES:
        parent = parent.parent
    return parent is not None


def _with_gaps(
    units: list[Element], outside: list[Element], root: Element, text: str
) -> tuple[list[Element], list[tuple[str, str, str]]]:
    """Units, with the texts between them that have an entity, and notes on the other texts and entities."""
    every: list[Element] = []
    left_out: list[str] = []
    rest, around = deque(outside), 0
    at = root.start
    for unit in (*units, None):
        end = root.end if unit is None else unit.start
        inside = []
        while rest and rest[0].start <= end:
            element = rest.popleft()
            if element.end <= end:
                inside.append(element)
            else:
                around += 1
        if inside:
            gap = Element("", {}, inside[0].line, at, root)
            gap.end = end
            every.append(gap)
        elif text[at:end].strip():
            left_out.append(" ".join(text[at:end].split()))
        if unit is not None:
            every.append(unit)
            at = unit.end
    notes = []
    if left_out:
        shown = left_out[0] if len(left_out[0]) <= 40 else left_out[0][:39] + "…"
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        done = f"text outside the <{units[0].name}> elements left out: {shown!r}{more}"
        notes.append(("unsupported", "noted", done))
    if around:
        done = f"{around} entities that are around a <{units[0].name}> left out"
        notes.append(("unsupported", "dropped", done))
    return every, notes


def _within(element: Element, other: Element) -> bool:
    parent = element.parent
    while parent is not None and parent is not other:
        parent = parent.parent
    return parent is other


def _records(
    file: str, element: Element, root: Element, text: str, spans: list[SpanRecord]
) -> Iterator[Record]:
    ids = [value for key, value in element.attrs.items() if key.lower() in ("id", "docid", "xml:id")]
    ids += filter(None, [element.identity.strip()])
    meta = {"id": ids[0]} if ids else {}
    if element.attrs.get("xml:space") == "preserve":
        moved = [s._replace(start=s.start - element.start, end=s.end - element.start) for s in spans]
        yield Record(file, element.line, text=text[element.start : element.end], spans=moved, meta=meta)
        return
    by_line = (
        element is root and root.has_text and root.name.lower() not in DOCUMENTS | {"text", "body", "txt"}
    )
    limits = [(element.start, element.end)]
    if by_line:
        limits = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", text) if m[0].strip()]
    for start, end in limits:
        inside = [s for s in spans if start <= s.start and s.end <= end]
        if sum(s.start < end and s.end > start for s in spans) != len(inside):
            # an entity over a line end: the lines belong together after all
            yield _levelled(file, element.line, text[element.start : element.end], element.start, spans, meta)
            return
    for start, end in limits:
        inside = [s for s in spans if start <= s.start and s.end <= end]
        line = element.line + text.count("\n", element.start, start)
        yield _levelled(file, line, text[start:end], start, inside, meta)


def _levelled(
    file: str, line: int, text: str, shift: int, spans: list[SpanRecord], meta: dict[str, str]
) -> Record:
    """A record whose line ends and indentation are single characters, without white space at its edges."""
    where: list[int] = []  # old offset -> new offset
    pieces: list[str] = []
    length = 0
    for match in re.finditer(r"[ \t]*[\r\n]\s*|\s+|\S+", text):
        piece = match[0]
        new = ("\n" if "\n" in piece or "\r" in piece else piece) if piece.isspace() else piece
        if (match.start() == 0 or match.end() == len(text)) and piece.isspace():
            new = ""
        where += [length + min(i, len(new)) for i in range(len(piece))]
        pieces.append(new)
        length += len(new)
    where.append(length)
    moved = [s._replace(start=where[s.start - shift], end=where[s.end - shift]) for s in spans]
    return Record(file, line, text="".join(pieces), spans=moved, meta=dict(meta))
