"""CoNLL-U whose mentions are brackets with a type in MISC: GUM, and those corpora of CorefUD that have types.

`# global.Entity = eid-etype-head` says what the parts of a bracket are; `Entity=(e1-person-1` opens a mention, `Entity=e1)`
closes it, `Entity=(e2-place-1)` is one of a single word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.columns.conll import comment_meta
from cloudner.corpus.formats.spans import Where, short
from cloudner.corpus.formats.words import join

_FIELDS = re.compile(r"#\s*global\.Entity\s*=\s*(?P<fields>\S+)\s*")
_IDENTITY, _TYPE = ("eid", "GRP"), ("etype", "entity")
_BRACKET = re.compile(r"\((?P<opens>[^()]*)(?P<alone>\))?|(?P<closes>[^()]+)\)")
_ENTITY = re.compile(r"(?:^|\|)Entity=([^|]*)")
_WORD = re.compile(r"\d+(?:[-.]\d+)?")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b")
_SHAPE = "Entity=(e1-person-1, Entity=e1) or Entity=(e1-person-1), as # global.Entity says"


class _Parts(NamedTuple):
    """Which part of a bracket is the mention's id, and which its type."""

    identity: int
    type: int


def _parts(line: str) -> _Parts | None:
    """The places of id and type that a comment says; None for another line, and for brackets without a type."""
    match = _FIELDS.fullmatch(line)
    names = match["fields"].split("-") if match else []
    found = [
        next((names.index(name) for name in known if name in names), None) for known in (_IDENTITY, _TYPE)
    ]
    return _Parts(found[0], found[1]) if found[0] is not None and found[1] is not None else None


class _Document:
    """The words of a document and its mentions, closed ones and open ones."""

    def __init__(self, file: str, line: int, meta: dict[str, str]) -> None:
        self.record = Record(file, line, "", tokens=[], spaces=[], sent_starts=[], meta=dict(meta))
        self.tokens: list[str] = []
        self.spaces: list[bool] = []
        self.starts: list[int] = []
        self.closed: list[tuple[int, int, str]] = []
        self.open: dict[str, list[tuple[int, str]]] = {}
        self.untyped = self.in_parts = 0

    def add(self, form: str, misc: str, at_start: bool) -> None:
        if at_start:
            self.starts.append(len(self.tokens))
        self.tokens.append(form)
        self.spaces.append("SpaceAfter=No" not in misc.split("|"))

    def mark(self, value: str, first: int, end: int, parts: _Parts, where: Where) -> None:
        """What the brackets of a word say. first: its number; end: the one behind it, the same for a word without form."""
        if _BRACKET.sub("", value):
            raise where.error(f"the brackets {short(value)}", _SHAPE)
        for match in _BRACKET.finditer(value):
            if match["closes"] is None:
                cells = match["opens"].split("-")
                if len(cells) <= parts.identity:
                    raise where.error(f"the bracket {short(match[0])}", _SHAPE)
                label = cells[parts.type] if len(cells) > parts.type else ""
                self.open.setdefault(cells[parts.identity], []).append((first, label))
                identity = cells[parts.identity] if match["alone"] else None
            else:
                identity = match["closes"]
            if identity is None:
                continue
            if not self.open.get(identity):
                raise where.error(f"{short(match[0])} closes a mention that is not open", _SHAPE)
            start, label = self.open[identity].pop()
            self.untyped += not label and start < end
            self.in_parts += identity.endswith("]") and start < end
            if label and start < end:
                self.closed.append((start, end, label))

    def finished(self, options: ReadOptions, where: Where) -> Record:
        left = next((identity for identity, mentions in self.open.items() if mentions), None)
        if left is not None:
            raise where.error(f"the mention {left!r} is never closed", _SHAPE)
        record = self.record
        record.tokens, record.spaces, record.sent_starts = (
            self.tokens,
            [*self.spaces[:-1], False],
            self.starts,
        )
        record.text, places = join(self.tokens, record.spaces)
        record.spans = [
            SpanRecord(
                places[start], places[end - 1] + len(self.tokens[end - 1]), options.labels.get(label, label)
            )
            for start, end, label in sorted(self.closed, key=lambda each: (each[0], -each[1]))
        ]
        if self.untyped:
            record.notes.append(("unsupported", "noted", f"{self.untyped} mentions without a type left out"))
        if self.in_parts:
            done = f"{self.in_parts} parts of mentions with gaps made spans of their own"
            record.notes.append(("unsupported", "changed", done))
        return record


def _sniff(sample: Sample) -> Match | None:
    parts = next(filter(None, map(_parts, sample.lines)), None)
    if parts is None:
        return None
    for line in sample.lines:
        row = line.split("\t")
        entity = _ENTITY.search(row[9]) if len(row) > 9 else None
        for match in _BRACKET.finditer(entity[1]) if entity else ():
            cells = (match["opens"] or "").split("-")
            if len(cells) > parts.type and cells[parts.type]:
                return Match(0.96, f"CoNLL-U with typed brackets of mentions ({match[0]})")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document (`# newdoc`), or a sentence where the file marks none. The words are those of the text."""
    parts: _Parts | None = None
    document: _Document | None = None
    documents = False
    meta: dict[str, str] = {}
    at_start, cover_until = True, 0
    where = Where(source.name, 1, "word")
    for number, line in source.lines():
        where = Where(source.name, number, "word")
        new = bool(_NEW_DOCUMENT.match(line))
        if new or not line.strip():
            at_start, cover_until = True, 0
            if document is not None and (new or not documents):
                yield document.finished(options, where)
                document, meta = None, {}
            documents = documents or new
        if line.startswith("#"):
            parts = _parts(line) or parts
            comment_meta(line, meta)
        if not line.strip() or line.startswith("#"):
            continue
        row = line.split("\t")
        if not _WORD.fullmatch(row[0]) or len(row) < 10 or not row[1].strip():
            raise where.error(short(line), "10 columns parted by tabs, the first a word's number")
        if parts is None:
            raise where.error(
                "words before the parts of the brackets are told", "# global.Entity = eid-etype-head"
            )
        document = document or _Document(source.name, number, meta)
        count = len(document.tokens)
        if "." in row[0]:
            place = (count, count)  # not in the text
        elif row[0].isdigit() and int(row[0]) <= cover_until:
            place = (count - 1, count)  # a part of the word before
        else:
            cover_until = int(row[0].partition("-")[2] or 0) or cover_until
            document.add(row[1], row[9], at_start)
            at_start = False
            place = (count, count + 1)
        if entity := _ENTITY.search(row[9]):
            document.mark(entity[1], *place, parts, where)
    if document is not None:
        yield document.finished(options, where)


_EXAMPLE = """# newdoc id = curie
# global.Entity = eid-etype-head
1	Marie	_	_	_	_	_	_	_	Entity=(e1-PER-1
2	Curie	_	_	_	_	_	_	_	Entity=e1)
3	was	_	_	_	_	_	_	_	_
4	born	_	_	_	_	_	_	_	_
5	in	_	_	_	_	_	_	_	_
6	Warsaw	_	_	_	_	_	_	_	Entity=(e2-LOC-1)|SpaceAfter=No
7	.	_	_	_	_	_	_	_	_
"""
COREFUD = Format(
    "corefud",
    "CoNLL-U with typed brackets of mentions in MISC (GUM, CorefUD)",
    (".conllu",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
