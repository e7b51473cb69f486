"""BioC's documents, in XML and in JSON: passages and annotations whose offsets count characters of the whole document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cloudner.corpus.contract import Record, SpanRecord
from cloudner.corpus.formats.words import gap


class Annotation(NamedTuple):
    """text: as stored, "" without one. locations: start and end (exclusive) of each part, in any order."""

    label: str
    text: str
    locations: list[tuple[int, int]]


def document(
    file: str,
    line: int,
    identity: str,
    passages: Sequence[tuple[int, str]],
    annotations: Sequence[Annotation],
    relations: int,
) -> Record:
    """The record of a document. passages: offset and text of each, and of each sentence. relations: how many are left out.

    Raises InputError (file, line) for passages that lie further apart than a text is long.
    """
    record = Record(file, line, "", meta={"id": identity} if identity else {})
    record.text = _text(record, passages)
    for annotation in annotations:
        places = sorted(annotation.locations)
        if not places:
            done = f"{annotation.label} {annotation.text!r} has no location"
            record.notes.append(("outside-text", "dropped", done))
            continue
        if len(places) > 1:
            done = f"{annotation.label} {annotation.text!r} in {len(places)} parts made one span"
            record.notes.append(("unsupported", "changed", done))
        surface = annotation.text if len(places) == 1 and annotation.text else None
        record.spans.append(SpanRecord(places[0][0], places[-1][1], annotation.label, surface))
    if relations:
        record.notes.append(("unsupported", "noted", f"{relations} relations left out"))
    return record


def _text(record: Record, passages: Sequence[tuple[int, str]]) -> str:
    """The passages at their offsets, with white space between; what lies in front of its place is told and left out."""
    text = ""
    for start, passage in sorted(passages, key=lambda p: p[0]):
        if start < len(text):
            if (
                text[start : start + len(passage)] != passage
            ):  # else a passage and its sentences both have the text
                done = f"the passage at {start} lies inside the one before: {passage[:40]!r} left out"
                record.notes.append(("unsupported", "noted", done))
            continue
        gap(start - len(text), record.file, record.line)
        text = text.ljust(start - 1) + "\n" if start > len(text) else text
        text += passage
    return text
