"""Decisions of an earlier list, brought into a new one of the same corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from cloudner.errors import InputError, first_line
from cloudner.folds.documents import annotated_in

Row = dict[str, Any]


def keep_decisions(
    rows: Sequence[Row], files: Sequence[Path], docs: Mapping[str, Doc], group: str | None = None
) -> tuple[list[Row], list[Row]]:
    """Takes over, in place, what earlier files of rows decided, with suggestions that were corrected by hand. A decision is
    about an annotation and a suggestion; one to accept settles the annotation, whatever is suggested now.

    docs: by name. group: as in `row`. Returns decided rows that are not among `rows`: those that can still be applied, and
    those whose text or annotation is not there any more. Raises InputError for a file that is none.
    """
    earlier: dict[str, Row] = {}
    for file in files:
        for each in _read(file):
            earlier.setdefault(_same(each), each)
    exact = {_same(each): each for each in rows}
    rest = []
    for key, each in earlier.items():
        if key in exact:
            exact.pop(key)["decision"] = each.get("decision") or ""
        elif each.get("decision"):
            rest.append(each)
    # What is left on both sides: other suggestions, or another list.
    by_place: dict[str, list[Row]] = {}
    for each in rows:
        if _same(each) in exact:
            by_place.setdefault(_place(each), []).append(each)
    listed: list[Row] = []
    gone: list[Row] = []
    for each in rest:
        doc = docs.get(str(each.get("id")))
        if doc is None or not _stands(each, doc, group):
            gone.append(each)
            continue
        here = by_place.get(_place(each))
        if each["decision"] == "accept" and here:
            new = here.pop(0)
        else:
            new = _bare(each, doc)
            listed.append(new)
        suggested = each.get("suggested")
        new.update({name: each[name] for name in ("kind", "suggested", "decision") if name in each})
        new["suggested_text"] = None if suggested is None else doc.text[suggested["start"] : suggested["end"]]
    return listed, gone


def _read(path: Path) -> list[Row]:
    found: list[Row] = []
    if not path.is_file():
        return found
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read: {first_line(error)}", file=str(path), expected="decisions as UTF-8", fix="move the file away"
        ) from error  # fmt: skip
    # Texts may hold other line ends, such as U+2028.
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            each = json.loads(text)
        except (ValueError, RecursionError):
            each = None
        if not isinstance(each, dict):
            raise InputError(
                "no JSON object", file=str(path), line=number, fix="correct it, or move the file away"
            )
        suggested = each.get("suggested")
        if each.get("decision") and (
            not _is_span(each) or (suggested is not None and not (_is_span(suggested) and suggested["label"]))
        ):
            raise InputError(
                "a decision without a span", file=str(path), line=number,
                expected="start, end and label, and the same or null as suggested", fix="correct it, or remove the line",
            )  # fmt: skip
        found.append(each)
    return found


def _is_span(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    start, end, label = value.get("start"), value.get("end"), value.get("label")
    return (
        type(start) is int and type(end) is int and 0 <= start < end and isinstance(label, (str, type(None)))
    )


def _stands(each: Row, doc: Doc, group: str | None) -> bool:
    """Could the decision be applied to this document?"""
    start, end, label, suggested = each["start"], each["end"], each.get("label"), each.get("suggested")
    if each.get("spans_key") != group or end > len(doc.text):
        return False
    if each.get("text", doc.text[start:end]) != doc.text[start:end]:
        return False
    there = {(span.start_char, span.end_char, span.label_) for span in annotated_in(doc, group)}
    if label is not None:
        return (start, end, label) in there
    return suggested is not None and (suggested["start"], suggested["end"], suggested["label"]) not in there


def _bare(each: Row, doc: Doc) -> Row:
    """The row with all that a page shows of it, where lines were written by hand."""
    start, end = each["start"], each["end"]
    kind = "missed" if each.get("label") is None else "invented" if each.get("suggested") is None else "type"
    return {
        "kind": kind, "label": None, "suggested": None, "probability": 0.0, "confident": False, "text": doc.text[start:end],
        "before": doc.text[:start], "after": doc.text[end:], **each,
    }  # fmt: skip


def _same(each: Row) -> str:
    return _key(each, "id", "spans_key", "start", "end", "label", "suggested")


def _place(each: Row) -> str:
    return _key(each, "id", "spans_key", "start", "end", "label")


def _key(each: Row, *names: str) -> str:
    return json.dumps([each.get(name) for name in names], sort_keys=True)
