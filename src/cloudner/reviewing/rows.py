"""Suspects as rows of a file of decisions, and as tasks of annotation tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from spacy.tokens import Doc

from cloudner.corpus.contract import SpanRecord
from cloudner.corpus.formats.json.label_studio import span_results
from cloudner.folds.documents import annotated_in
from cloudner.reviewing.suspicion import Suspect, TokenSpan

_AROUND = 90  # characters of context on either side


def row(suspect: Suspect, doc: Doc, name: str, group: str | None = None) -> dict[str, Any]:
    """A line of the file: which annotation of which document (characters, end exclusive), what is suggested, how probable the
    annotation is wrong, its text and what is around it; "decision" is empty. group: the annotations are spans of this group;
    "others" are those that overlap the one in question."""
    given, suggested = suspect.given, suspect.suggested
    here = given or suggested
    assert here is not None
    first, last = _characters(doc, here)
    left, right = first, last
    if suggested is not None:
        begin, stop = _characters(doc, suggested)
        left, right = min(left, begin), max(right, stop)
    return {
        "id": name,
        **({} if group is None else {"spans_key": group}),
        "kind": suspect.kind,
        "start": first,
        "end": last,
        "label": None if given is None else given[2],
        "suggested": None if suggested is None else _span(doc, suggested),
        "probability": round(suspect.probability, 4),
        "confident": suspect.confident,
        "text": doc.text[first:last],
        "suggested_text": None if suggested is None else _text(doc, suggested),
        "before": doc.text[_whole(doc, max(0, left - _AROUND), group)[0] : first],
        "after": doc.text[last : _whole(doc, right + _AROUND, group)[1]],
        **({} if group is None else {"others": _others(suspect, doc, group)}),
        "decision": "",
    }


def _others(suspect: Suspect, doc: Doc, group: str) -> list[dict[str, Any]]:
    """The annotations beside the one in question that overlap it, or what is suggested."""
    about = [span for span in (suspect.given, suspect.suggested) if span is not None]
    return [
        {**_span(doc, span), "text": _text(doc, span)}
        for span in _given(doc, group)
        if span != suspect.given and any(span[0] < end and start < span[1] for start, end, _ in about)
    ]


def _whole(doc: Doc, place: int, group: str | None) -> tuple[int, int]:
    """The bounds (characters) of the token, or of the annotated entities, that would be cut at a place; the place itself
    where none would be."""
    place = min(place, len(doc.text))
    token = doc.char_span(place, place + 1, alignment_mode="expand")
    cut = [
        span
        for span in (*annotated_in(doc, group), *([token] if token is not None else []))
        if span.start_char < place < span.end_char
    ]
    if not cut:
        return place, place
    return min(span.start_char for span in cut), max(span.end_char for span in cut)


def lines(rows: Sequence[dict[str, Any]]) -> str:
    """JSON lines."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)


def label_studio_tasks(
    suspects: Sequence[Suspect], docs: Sequence[Doc], names: Sequence[str], group: str | None = None
) -> list[Any]:
    """Tasks, the most suspect document first: the annotation as it is, and a prediction with the suggestions in it."""
    tasks = []
    for document, found in _by_document(suspects):
        doc, name = docs[document], names[document]
        record = [_record(doc, span) for span in _given(doc, group)]
        corrected = [_record(doc, span) for span in _corrected(doc, found, group)]
        tasks.append(
            {
                "data": {"text": doc.text, "id": name},
                "annotations": [{"was_cancelled": False, "result": span_results(doc.text, record)}],
                "predictions": [
                    {
                        "model_version": "cloudner review",
                        "score": round(max(each.probability for each in found), 4),
                        "result": span_results(doc.text, corrected),
                    }
                ],
            }
        )
    return tasks


def doccano_lines(
    suspects: Sequence[Suspect], docs: Sequence[Doc], names: Sequence[str], group: str | None = None
) -> str:
    """doccano's JSON lines, the most suspect document first: labelled as suggested; `annotated` says what is there now."""
    made = []
    for document, found in _by_document(suspects):
        doc = docs[document]
        labels = [[*_characters(doc, span), span[2]] for span in _corrected(doc, found, group)]
        made.append(
            {
                "id": names[document],
                "text": doc.text,
                "label": labels,
                "annotated": [[*_characters(doc, span), span[2]] for span in _given(doc, group)],
                "probability": round(max(each.probability for each in found), 4),
            }
        )
    return lines(made)


def _by_document(suspects: Sequence[Suspect]) -> Iterator[tuple[int, list[Suspect]]]:
    found: dict[int, list[Suspect]] = {}
    for suspect in suspects:
        found.setdefault(suspect.document, []).append(suspect)
    yield from found.items()


def _given(doc: Doc, group: str | None) -> list[TokenSpan]:
    return [(span.start, span.end, span.label_) for span in annotated_in(doc, group)]


def _corrected(doc: Doc, found: Sequence[Suspect], group: str | None) -> list[TokenSpan]:
    """The annotation with the suggestions in it; of entities one that overlaps what stays, or one before it in the list, is
    left out."""
    spans = set(_given(doc, group))
    for suspect in found:
        new = suspect.suggested
        rest = spans - {suspect.given} if suspect.given is not None else spans
        if new is None:
            spans = rest
        elif group is not None or not any(new[0] < end and start < new[1] for start, end, _ in rest):
            spans = rest | {new}
    return sorted(spans)


def _record(doc: Doc, span: TokenSpan) -> SpanRecord:
    return SpanRecord(*_characters(doc, span), span[2])


def _characters(doc: Doc, span: TokenSpan) -> tuple[int, int]:
    last = doc[span[1] - 1]
    return doc[span[0]].idx, last.idx + len(last)


def _span(doc: Doc, span: TokenSpan) -> dict[str, Any]:
    start, end = _characters(doc, span)
    return {"start": start, "end": end, "label": span[2]}


def _text(doc: Doc, span: TokenSpan) -> str:
    start, end = _characters(doc, span)
    return doc.text[start:end]
