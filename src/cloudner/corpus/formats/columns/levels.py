"""Several tags of one token: of entities inside others, in a cell or in columns of their own, and of its morphemes."""

from __future__ import annotations

import re

from cloudner.corpus.align.tag_shapes import MISSING
from cloudner.corpus.contract import Record
from cloudner.corpus.formats.words import join, tagged_spans

PARTED = "\x1e"  # between the cells of a row's columns of tags, while they are one
_TAG = re.compile(r"[BIESLUM]-.+|O")
# Nested entities in one cell, `B-PER|I-ORG`, `B-location,B-group`, `I-ORG B-LOC` or `B-city#B-org`: where a tag follows what
# is between.
_BAR = re.compile(r"[|,;# ](?=[BIESLUM]-|O(?:[|,;# ]|$))")
_MORPHEME = re.compile(r"[BIESLUM]-[^\^]+|O")
SIGNS = frozenset("|,;# ")


def tags_in(cell: str) -> list[str]:
    """The tags of a cell: one, or several where a bar, a comma, a # or the like stands between tags."""
    parts = _BAR.split(cell)
    return parts if len(parts) > 1 and all(map(_TAG.fullmatch, parts)) else [cell]


def of_morphemes(cell: str) -> str:
    """The tag of a token whose cell has one for each of its morphemes (NEMO: `O^B-GPE`); other cells as they are."""
    parts = cell.split("^")
    if len(parts) < 2 or not all(map(_MORPHEME.fullmatch, parts)):
        return cell
    inside = [part for part in parts if part != "O"]
    if not inside:
        return "O"
    begins, ends = inside[0][0] in "BSU", inside[-1][0] in "ESLU"
    whole = "U" if inside[-1][0] in "LU" else "S"
    position = whole if begins and ends else "B" if begins else inside[-1][0] if ends else "I"
    return position + inside[0][1:]


def nested(record: Record, cells: list[str | None]) -> Record:
    """The record with spans that may nest in place of its tags. cells: of each token, its columns of tags."""
    tokens = record.tokens or []
    spaces = record.spaces if record.spaces is not None else [True] * len(tokens)
    text, starts = join(tokens, spaces)
    rows = [cell.split(PARTED) if cell else [""] for cell in cells]
    found = {
        span
        for column in range(max(map(len, rows)))
        for level in _levels([tags_in(row[column]) if column < len(row) else ["O"] for row in rows])
        for span in tagged_spans(tokens, starts, level, record.sent_starts)
    }
    record.spans = sorted(found, key=lambda span: (span.start, -span.end, span.label))
    record.complete = not any(row[0] in MISSING for row in rows)
    record.text, record.spaces, record.tags = text, spaces, None
    return record


def _levels(column: list[list[str]]) -> list[list[str]]:
    """The tags of each token as lists with one for every token; a tag that goes on does so where its entity is."""
    if all(len(tags) == 1 for tags in column):
        return [[tags[0] for tags in column]]
    levels: list[list[str]] = []
    for at, tags in enumerate(column):
        free = list(range(len(levels)))
        for tag in sorted(tags, key=lambda tag: tag[0] in "BSUO"):  # what goes on is placed first
            if tag == "O":
                continue
            before = [levels[level][at - 1] for level in free] if at else []
            open_here = [
                level
                for level, last in zip(free, before, strict=False)
                if tag[0] in "BSU" or (last[0] in "BIM" and last[2:] == tag[2:])
            ]
            if not open_here:
                levels.append(["O"] * len(column))
                open_here = [len(levels) - 1]
            else:
                free.remove(open_here[0])
            levels[open_here[0]][at] = tag
    return levels or [["O"] * len(column)]
