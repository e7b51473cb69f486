"""The elements of a whole XML document as ranges of its text, and those of them that name an entity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloudner.corpus.contract import Source
from cloudner.corpus.formats.xml.labels import (
    BLOCKS,
    BREAKS,
    CARRIERS,
    DOCUMENTS,
    HEADS,
    IDENTITIES,
    SENTENCES,
    label_of,
)
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.corpus.formats.xml.sgml import as_xml
from cloudner.errors import InputError

READINGS = "ALT"  # HAREM's element around readings of one text, parted by bars


class Element:
    def __init__(
        self, name: str, attrs: Mapping[str, str], line: int, start: int, parent: Element | None
    ) -> None:
        self.name, self.attrs, self.line, self.start, self.parent = name, attrs, line, start, parent
        self.end = start
        self.has_text = False  # of its own, not only in its children
        self.children = 0
        self.identity = ""  # what is in an element of its own (<DOCNO>)


class Tree(Handler):
    """The text of a document and its elements as character ranges of it."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.pieces: list[str] = []
        self.length = 0
        self.open: list[Element] = []
        self.elements: list[Element] = []
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
        if name.lower() in BREAKS and attrs.get("break") != "no":  # else the word goes on behind it
            self._apart()
        self.heads += name.lower() in HEADS
        parent = self.open[-1] if self.open else None
        if parent is not None:
            parent.children += 1
        element = Element(name, dict(attrs.items()), self.line, self.length, parent)
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
        if name.lower() in BLOCKS:
            self._apart()

    def _apart(self) -> None:
        if self.pieces and not self.pieces[-1][-1:].isspace():
            self.pieces.append("\n")
            self.length += 1

    def characters(self, content: str) -> None:
        if self.heads or not content or any(self.readings):
            return
        if self.open and self.open[-1].name.lower() in IDENTITIES and self.open[-1].parent is not None:
            around = (element for element in reversed(self.open) if element.name.lower() in DOCUMENTS)
            next(around, self.open[-1].parent).identity += content
            return
        if self.readings and self.open[-1].name == READINGS and "|" in content:
            content = content[: content.index("|")].rstrip()
            self.readings[-1] = True
            self.left_out += 1
        if self.open and content.strip():
            self.open[-1].has_text = True
        self.pieces.append(content)
        self.length += len(content)


def _is_entity(element: Element) -> bool:
    if label_of(element.name, element.attrs) is None or element.parent is None:
        return False
    parent = element.parent
    if parent.attrs.get("xml:space") == "preserve":
        return True
    if element.name.lower() in CARRIERS or parent.name.lower() in SENTENCES | {"text", "body", "txt"}:
        return True
    # an element among elements (an author in a document's head) divides, one within text marks
    return parent.has_text or _is_entity(parent)


def tree_of(source: Source) -> Tree:
    """The tree of a file; several documents one after another, which is not XML, stand under a root of their own.

    What is no XML and does not say that it is, is read as SGML. Raises InputError, of the file as it is, where that fails too.
    """
    text = source.text()
    try:
        return _tree(text, source.name)
    except InputError as error:
        if "not well-formed" not in str(error) or text.lstrip("\ufeff \t\r\n").startswith("<?xml"):
            raise
        try:
            return _tree(as_xml(text), source.name)
        except InputError as second:
            raise (second if second.line and error.line and second.line > error.line else error) from None


def _tree(text: str, file: str) -> Tree:
    tree = Tree(file)
    try:
        parse(text, tree)
    except InputError as error:
        if "junk after document element" not in str(error):
            raise
        head = re.match(r"\s*(?:<\?.*?\?>|<!DOCTYPE\s[^\[\]<>]*>|\s)*", text, re.DOTALL)
        at = head.end() if head else 0
        tree = Tree(file)
        parse(f"{text[:at]}<corpus>{text[at:]}</corpus>", tree)
    return tree


def entities_of(tree: Tree) -> list[Element]:
    """The elements that name an entity.

    Where all others have attributes, a name that never has any and is always around some of them only divides the
    text, such as HAREM's `<ALT>`.
    """
    held = {id(element.parent) for element in tree.elements}
    with_text = {element.name for element in tree.elements if element.end > element.start}
    # what never has text in it marks a place: the beginning of a line, a page
    found = [element for element in tree.elements if element.name in with_text and _is_entity(element)]
    found = [element for element in found if element.name != READINGS or id(element) not in held]
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


def _is_preserved(element: Element | None) -> bool:
    """Is an element in a text that keeps its white space, as those that we write are?"""
    while element is not None and element.attrs.get("xml:space") != "preserve":
        element = element.parent
    return element is not None
