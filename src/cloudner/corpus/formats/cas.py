"""UIMA's common analysis structure, which INCEpTION and DKPro write: one text, typed annotations with features."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap
from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.formats.annotators import in_project
from cloudner.corpus.formats.spans import Where, label_of, offset

# Types of UIMA itself and of DKPro that are on every token, or divide the text.
_OTHERS = re.compile(
    r"DocumentAnnotation|DocumentMetaData|TagsetDescription|\.segmentation\.|\.lexmorph\.|\.syntax\.|\.morph|\.uima\.cas"
    r"|\.chunk|Token$|Sentence$|Lemma$|POS$|Stem$|Paragraph$|Div$|CoreferenceLink|AnnotationBase$"
)
_LABELS = ("value", "label", "category", "entity", "type", "kind", "class", "tag")


def record_of(
    file: str, line: int, text: str, annotations: Sequence[Mapping[str, Any]], options: ReadOptions
) -> Record:
    """The record of one view. annotations: mappings with `type`, `begin`, `end` (UTF-16 code units) and features.

    Of several types the one called after named entities is read; the others are noted, with the option for each.
    Raises InputError (file, line) for offsets that are none, and where no type can hold entities.
    """
    where = Where(file, line, "annotation")
    units = OffsetMap(text)
    types = list(dict.fromkeys(str(a["type"]) for a in annotations if not _OTHERS.search(str(a["type"]))))
    wanted = _wanted(types, options, where)
    record = Record(file, line, text, annotator=in_project(file))
    for annotation in annotations:
        if annotation["type"] != wanted:
            continue
        begin, end = offset(annotation.get("begin"), where), offset(annotation.get("end"), where)
        begin, end = units.spans(begin, end, "offsets-utf16") or (begin, end)
        record.spans.append(SpanRecord(begin, end, label_of(_label(annotation), options, where)[0]))
    record.spans.sort(key=lambda span: (span.start, -span.end))
    for other in types:
        if other != wanted:
            count = sum(a["type"] == other for a in annotations)
            done = f"{count} annotations of the layer {_short(other)} left out; --entities-column {_short(other)}"
            record.notes.append(("unsupported", "noted", done))
    return record


def _wanted(types: list[str], options: ReadOptions, where: Where) -> str | None:
    if options.entities_column is not None:
        for each in types:
            if options.entities_column in (each, _short(each)):
                return each
        raise where.error(
            f"no layer {options.entities_column!r} among {', '.join(map(_short, types)) or 'none'}",
            "one of them",
        )
    named = [each for each in types if "namedentity" in each.lower().replace("_", "")]
    return next(iter(named or types), None)


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _label(annotation: Mapping[str, Any]) -> Any:
    """The feature that says what it is; the layer's own name where it has none."""
    features = {key: value for key, value in annotation.items() if isinstance(value, str) and key != "type"}
    for name in _LABELS:
        if features.get(name):
            return features[name]
    other = next((v for k, v in features.items() if v and k not in ("identifier", "id")), None)
    return other if other is not None else _short(str(annotation["type"])) if not features else None
