"""UIMA's common analysis structure, which INCEpTION and DKPro write: one text, typed annotations with features."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap
from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.formats.annotators import in_project
from cloudner.corpus.formats.keys import names_a_label
from cloudner.corpus.formats.spans import Where, label_of, offset

_Placed = tuple[int, int, Mapping[str, Any]]  # the characters of an annotation, and its features
TYPE = "%TYPE"  # where an annotation's type stands: no feature has such a name
# Types of UIMA itself, of DKPro and of cTAKES that are on every token, or divide the text.
_OTHERS = re.compile(
    r"DocumentAnnotation|DocumentMetaData|TagsetDescription|\.segmentation\.|\.lexmorph\.|\.syntax\.|\.morph|\.uima\.cas"
    r"|\.textspan\.|\.chunk|Token$|Sentence$|Segment$|Section$|Lemma$|POS$|Stem$|Paragraph$|Div$|CoreferenceLink"
    r"|AnnotationBase$"
)
_LABELS = ("value", "label", "category", "entity", "type", "kind", "class", "tag")
# Features of any layer that say something else of an annotation, and values that are no names: numbers (of other
# annotations too) and truth values.
_NO_LABEL = re.compile(
    r".*ID|.*Id|.*_id|id|(?i:.*identifier|.*comments?|.*notes?|remark|subject|language|uri|url|text)"
)
_NO_NAME = re.compile(r"[\d\s.+-]*|true|false", re.IGNORECASE)


def record_of(
    file: str, line: int, text: str, annotations: Sequence[Mapping[str, Any]], options: ReadOptions
) -> Record:
    """The record of one view. annotations: mappings with `TYPE`, `begin`, `end` (UTF-16 code units) and features.

    Of several types the one called after named entities is read; the others are noted, with the option for each.
    Raises InputError (file, line) for offsets that are none, and where no type can hold entities.
    """
    where = Where(file, line, "annotation")
    layers: dict[str, list[Mapping[str, Any]]] = {}
    for annotation in annotations:
        layers.setdefault(str(annotation[TYPE]), []).append(annotation)
    wanted = _wanted(layers, text, options, where)
    record = Record(file, line, text, annotator=in_project(file))
    if wanted is not None:
        _read(record, wanted, layers[wanted], options, where)
    for other, found in layers.items():
        if other != wanted and not _OTHERS.search(other):
            done = f"{len(found)} annotations of the layer {_short(other)} left out; --entities-column {_short(other)}"
            record.notes.append(("unsupported", "noted", done))
    return record


def _read(
    record: Record, layer: str, annotations: list[Mapping[str, Any]], options: ReadOptions, where: Where
) -> None:
    """Adds the spans of a layer to a record."""
    text = record.text or ""
    units = OffsetMap(text)
    placed: list[_Placed] = []
    for annotation in annotations:
        begin, end = _offsets(annotation, where)
        begin, end = units.spans(begin, end, "offsets-utf16") or (begin, end)
        placed.append((begin, end, annotation))
    feature, guessed = _label_feature(text, placed)
    if guessed:
        done = f"the layer {_short(layer)} has no feature such as value or label: {feature!r} is taken for the label"
        record.notes.append(("unsupported", "noted", done))
    named = feature is None and not _is_of_entities(layer)
    for begin, end, annotation in placed:
        label = _short(layer) if named else annotation.get(feature or "")
        record.spans.append(SpanRecord(begin, end, label_of(label, options, where)[0]))
    record.spans.sort(key=lambda span: (span.start, -span.end))


def _offsets(annotation: Mapping[str, Any], where: Where) -> tuple[int, int]:
    return offset(annotation.get("begin"), where), offset(annotation.get("end"), where)


def _wanted(
    layers: Mapping[str, list[Mapping[str, Any]]], text: str, options: ReadOptions, where: Where
) -> str | None:
    types = [each for each in layers if not _OTHERS.search(each)]
    if options.entities_column is not None:
        for each in (*types, *layers):
            if options.entities_column in (each, _short(each)):
                return each
        raise where.error(
            f"no layer {options.entities_column!r} among {', '.join(map(_short, types)) or 'none'}",
            "one of them",
        )
    named = [each for each in types if _is_of_entities(each)]
    if named or len(types) < 2:
        return next(iter(named or types), None)
    # a mark of the whole text says something of the document
    whole = len(text.encode("utf-16-le")) // 2
    parts = [t for t in types if any(_offsets(each, where) != (0, whole) for each in layers[t])]
    return (parts or types)[0]


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _is_of_entities(layer: str) -> bool:
    """Is the layer called after named entities of every sort, so that its name says nothing of one?"""
    return "namedentity" in layer.lower().replace("_", "")


def label_feature(names: Iterable[str]) -> str | None:
    """The feature that by its name is the label (`value`, `EntType`, ...), or None."""
    names = list(names)
    small = {name.lower(): name for name in reversed(names)}
    return next((small[name] for name in _LABELS if name in small), None) or next(
        filter(names_a_label, names), None
    )


def _label_feature(text: str, placed: list[_Placed]) -> tuple[str | None, bool]:
    """The feature that says what the annotations of a layer are, and whether another name would have been expected.

    None where no feature does: the layer itself says what they are.
    """
    values: dict[str, list[Any]] = {}
    for begin, end, annotation in placed:
        for key, value in annotation.items():
            if key not in ("begin", "end", TYPE) and value not in ("", None, text[begin:end]):
                values.setdefault(key, []).append(value)
    if known := label_feature(key for key, found in values.items() if all(map(_is_label, found))):
        return known, False
    for key, found in values.items():
        texts = [value for value in found if isinstance(value, str) and not _NO_NAME.fullmatch(value)]
        if len(texts) == len(found) and not _NO_LABEL.fullmatch(key):
            return key, True
    return None, False


def _is_label(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)
