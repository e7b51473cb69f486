"""Spans whose labels are tags of tokens, `B-PER` and `I-PER`: each a part of an entity."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord

_POSITION = re.compile(r"(?P<position>[BIMELSU])[-_](?P<label>\S.*)")


def look(first: Sequence[Record], format_name: str, options: ReadOptions) -> Callable[[Record], None] | None:
    """What joins such spans to entities, where every label of the file has a position and one an I-; else None.

    Of one that is begun there must be an I-. A file without it is that of a tagger that begins an entity with I- too, and with
    B- only one that follows another of its label: several labels show it, or spans that go on.
    """
    labels = {span.label for record in first for span in record.spans} - {"", "O"}
    matches = [_POSITION.fullmatch(label) for label in labels]
    if not matches or not all(matches) or labels & set(options.labels):
        return None
    begun = {m["label"] for m in matches if m and m["position"] in "BSU"}
    inside = {m["label"] for m in matches if m and m["position"] in "IMEL"}
    if inside & begun:
        return _join
    letters = {m["position"] for m in matches if m}
    numbered = any(m["label"][0].isdigit() for m in matches if m)  # `I-94` is a label
    if numbered or "I" not in letters or letters - {"B", "I"}:
        return None
    return _join if len(labels) > 1 or any(map(_goes_on, first)) else None


def _goes_on(record: Record) -> bool:
    """Does a span follow one of its label with nothing between them but white space?"""
    text = record.text or ""
    spans = sorted(record.spans, key=lambda span: (span.start, span.end))
    return any(
        one.label == other.label
        and one.end <= other.start < len(text)
        and not text[one.end : other.start].strip()
        for one, other in pairwise(spans)
    )


def _join(record: Record) -> None:
    if not record.spans:
        return
    text = record.text if record.text is not None else ""
    merged: list[SpanRecord] = []
    opened = ""  # the label that the last span may go on with
    for span in sorted(record.spans, key=lambda s: (s.start, s.end)):
        match = _POSITION.fullmatch(span.label)
        if match is None:
            merged.append(span)
            opened = ""
            continue
        label = match["label"]
        between = text[merged[-1].end : span.start] if merged and merged[-1].end <= span.start else None
        goes_on = match["position"] in "IMEL" and opened == label and between is not None
        if goes_on and between is not None and not between.strip():
            merged[-1] = SpanRecord(merged[-1].start, span.end, label)
        else:
            merged.append(span._replace(label=label))
        opened = "" if match["position"] in "ELSU" else label
    done = f"{len(record.spans)} spans with labels such as {record.spans[0].label} joined to {len(merged)} entities"
    record.notes.append(("position-labels", "repaired", done))
    record.spans = merged
