"""A whole XML document with entities as elements: its records and their spans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Record, Source, SpanRecord
from cloudner.corpus.formats.xml.labels import BLOCKS, CARRIERS, DOCUMENTS, HEADS, SENTENCES, label_of
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError

READINGS = "ALT"  # HAREM's element around readings of one text, parted by bars


class _Element:
    def __init__(
        self, name: str, attrs: Mapping[str, str], line: int, start: int, parent: _Element | None
    ) -> None:
        self.name, self.attrs, self.line, self.start, self.parent = name, attrs, line, start, parent
        self.end = start
        self.has_text = False  # of its own, not only in its children
        self.children = 0


class _Tree(Handler):
    """The text of a document and its elements as character ranges of it."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.pieces: list[str] = []
        self.length = 0
        self.open: list[_Element] = []
        self.elements: list[_Element] = []
        self.heads = 0  # open elements whose content is no text
        self.readings: list[bool] = []  # of open <ALT> elements: has its second reading begun?
        self.left_out = 0  # further readings
        self.hidden = 0  # open elements within them

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        if name == READINGS:
            self.readings.append(False)
        if any(self.readings):
            self.hidden += 1
            return
        self._part(name)
        self.heads += name.lower() in HEADS
        parent = self.open[-1] if self.open else None
        if parent is not None:
            parent.children += 1
        element = _Element(name, dict(attrs.items()), self.line, self.length, parent)
        self.open.append(element)
        self.elements.append(element)

    def endElement(self, name: str) -> None:  # noqa: N802
        if self.hidden:
            self.hidden -= 1
            if name == READINGS:
                self.readings.pop()
            return
        if name == READINGS and self.readings:
            self.readings.pop()
        self.open.pop().end = self.length
        self.heads -= name.lower() in HEADS
        self._part(name)

    def _part(self, name: str) -> None:
        """Keeps the words on both sides of a block's edge apart."""
        if name.lower() in BLOCKS and self.pieces and not self.pieces[-1][-1:].isspace():
            self.pieces.append("\n")
            self.length += 1

    def characters(self, content: str) -> None:
        if self.heads or not content or any(self.readings):
            return
        if self.readings and self.open[-1].name == READINGS and "|" in content:
            content = content[: content.index("|")].rstrip()
            self.readings[-1] = True
            self.left_out += 1
        if self.open and content.strip():
            self.open[-1].has_text = True
        self.pieces.append(content)
        self.length += len(content)


def _is_entity(element: _Element) -> bool:
    if label_of(element.name, element.attrs) is None or element.parent is None:
        return False
    parent = element.parent
    if parent.attrs.get("xml:space") == "preserve":
        return True
    if element.name.lower() in CARRIERS or parent.name.lower() in SENTENCES | {"text", "body", "txt"}:
        return True
    # an element among elements (an author in a document's head) divides, one within text marks
    return parent.has_text or _is_entity(parent)


def _tree_of(source: Source) -> _Tree:
    """The tree of a file; several documents one after another, which is not XML, stand under a root of their own."""
    tree, text = _Tree(source.name), source.text()
    try:
        parse(text, tree)
    except InputError as error:
        if "junk after document element" not in str(error):
            raise
        head = re.match(r"\s*(?:<\?.*?\?>|<!DOCTYPE\s[^\[\]<>]*>|\s)*", text, re.DOTALL)
        at = head.end() if head else 0
        tree = _Tree(source.name)
        parse(f"{text[:at]}<corpus>{text[at:]}</corpus>", tree)
    return tree


def _entities(tree: _Tree) -> list[_Element]:
    """The elements that name an entity.

    Where all others have attributes, a name that never has any and is always around some of them only divides the
    text, such as HAREM's `<ALT>`.
    """
    found = [element for element in tree.elements if _is_entity(element)]
    around: set[int] = set()
    for element in found:
        parent = element.parent
        while parent is not None:
            around.add(id(parent))
            parent = parent.parent
    bare = {e.name for e in found} - {e.name for e in found if e.attrs or id(e) not in around}
    if not bare or any(not e.attrs and e.name not in bare for e in found) or _is_preserved(found[0]):
        return found
    return [element for element in found if element.name not in bare]


def _is_preserved(element: _Element | None) -> bool:
    """Is an element in a text that keeps its white space, as those that we write are?"""
    while element is not None and element.attrs.get("xml:space") != "preserve":
        element = element.parent
    return element is not None


def read_document(source: Source) -> Iterator[Record]:
    tree = _tree_of(source)
    text = "".join(tree.pieces)
    root = tree.elements[0]
    spans = [SpanRecord(e.start, e.end, label_of(e.name, e.attrs) or e.name) for e in _entities(tree)]
    for element in _units(tree, root):
        inside = [s for s in spans if element.start <= s.start and s.end <= element.end]
        for record in _records(source.name, element, root, text, inside):
            if tree.left_out:
                done = f"{tree.left_out} <{READINGS}> elements have several readings: took the first of each"
                record.notes.append(("unsupported", "noted", done))
                tree.left_out = 0
            yield record


def _units(tree: _Tree, root: _Element) -> list[_Element]:
    """The elements that are a record each."""
    for names in (DOCUMENTS, SENTENCES):
        found: list[_Element] = []
        for element in tree.elements:
            inside = bool(found) and element.start < found[-1].end and _within(element, found[-1])
            if element.name.lower() in names and element is not root and not inside:
                found.append(element)
        if found and (names is DOCUMENTS or (len(found) > 1 and root.name.lower() not in DOCUMENTS)):
            return found
    return [root]


def _within(element: _Element, other: _Element) -> bool:
    parent = element.parent
    while parent is not None and parent is not other:
        parent = parent.parent
    return parent is other


def _records(
    file: str, element: _Element, root: _Element, text: str, spans: list[SpanRecord]
) -> Iterator[Record]:
    ids = [value for key, value in element.attrs.items() if key.lower() in ("id", "docid", "xml:id")]
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
