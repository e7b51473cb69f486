"""One integer a token for what its tag says, so that most documents never go through `tags.decode`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, cast

from cloudner.corpus.align.to_tokens import Entity
from cloudner.corpus.docbin.chunk import BEGIN, INSIDE, MISSING, OUTSIDE

CLOSED = 4  # the bit of a tag after which its entity is over: the last or the only token


class TagCodes(dict["str | None", int]):
    """A tag's code: `iob | CLOSED | number of its label << 3`, for schemes whose tags say where an entity begins.

    -1 for any other tag: its document goes through `tags.decode`.
    """

    _PREFIXES: ClassVar[dict[str, int]] = {
        "B": BEGIN, "U": BEGIN | CLOSED, "S": BEGIN | CLOSED, "I": INSIDE, "M": INSIDE,
        "L": INSIDE | CLOSED, "E": INSIDE | CLOSED,
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__({None: MISSING, "-": MISSING, "_": MISSING, "?": MISSING, "": MISSING, "O": OUTSIDE})
        self.labels: list[str] = [""]
        self.numbers: dict[str, int] = {"": 0}

    def __missing__(self, tag: str | None) -> int:
        prefix, _, label = cast(str, tag).partition("-")
        iob = self._PREFIXES.get(prefix) if label else None
        self[tag] = code = -1 if iob is None else iob | self.number(label) << 3
        return code

    def number(self, label: str) -> int:
        if label not in self.numbers:
            self.numbers[label] = len(self.labels)
            self.labels.append(label)
        return self.numbers[label]

    def of_entities(self, size: int, entities: Sequence[Entity], complete: bool) -> list[int]:
        """The codes of `size` tokens; those in no entity are O, or missing where the document is not complete."""
        codes = [OUTSIDE if complete else MISSING] * size
        for start, end, label in entities:
            number = self.number(label) << 3
            codes[start] = number | BEGIN
            for token in range(start + 1, end):
                codes[token] = number | INSIDE
        return codes

    def entities(self, codes: Sequence[int]) -> list[Entity] | None:
        """The way back from `of_entities`; None where the annotation of a token is missing."""
        found: list[Entity] = []
        for token, code in enumerate(codes):
            if code & 3 == MISSING:
                return None
            if code & 3 == BEGIN:
                found.append(Entity(token, token + 1, self.labels[code >> 3]))
            elif code & 3 == INSIDE and found:
                found[-1] = found[-1]._replace(end=token + 1)
        return found


def is_plain(codes: list[int], sent_starts: list[int] | None) -> bool:
    """Is every tag known and allowed after the one before it, in its sentence?"""
    if -1 in codes:
        return False
    before = OUTSIDE
    for code in codes:
        if code & INSIDE and not code & 2 and ((before ^ code) >> 3 or before & CLOSED):
            return False
        before = code
    if any(code & CLOSED for code in codes):  # a scheme that marks ends: what begins must end
        for code, after in pairwise([*codes, OUTSIDE]):
            if code & INSIDE and not code & CLOSED and (after & 3 != INSIDE or (code ^ after) >> 3):
                return False
    if sent_starts:
        return not any(codes[start] & 3 == INSIDE for start in sent_starts if start < len(codes))
    return True
