"""spaCy v2 training tuples, `(text, {"entities": [...]})`: JSON, Python source, or `{"classes": ..., "annotations": [...]}`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.python_literals import TUPLE, python_pairs
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.spans import Where, short, spans_of, text_and_spans
from cloudner.corpus.formats.words import is_unannotated, refuse_missing


def _is_tuple(item: Any) -> bool:
    return (
        isinstance(item, (list, tuple))
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], (dict, list))
        and (not isinstance(item[1], dict) or "entities" in item[1] or not item[1])
    )


def _sniff_tuples(sample: Sample) -> Match | None:
    seen = peek(sample)
    if seen is not None:
        for item in seen.items[:3]:
            if _is_tuple(item):
                return Match(0.95, "pairs of a text and its entities")
            if isinstance(item, dict) and isinstance(item.get("annotations"), list):
                pairs = [pair for pair in item["annotations"] if pair is not None]
                if pairs and _is_tuple(pairs[0]):
                    return Match(0.96, "annotations as pairs of a text and its entities")
        # Python tuples in brackets may begin like JSON without being it.
    head = sample.text[:4000].lstrip()
    python = re.match(r"[\[(]|#|import |from ", head) or re.search(
        r"^[A-Za-z_]\w*\s*(:[^=\n]*)?=\s*[\[(]", head, re.MULTILINE
    )
    named = "entities" in head or re.search(r"['\"]\s*,\s*\[\s*\(\s*\d+\s*,\s*\d+\s*,\s*['\"]", head)
    if python and named and re.search(r"\(\s*[rfu]?['\"]", head):
        return Match(0.9, "Python tuples of a text and its entities")
    return None


def _read_tuples(source: Source, options: ReadOptions) -> Iterator[Record]:
    if peek(source.sample()) is not None and not _python_only(source.sample()):
        stream = values(source)
    else:
        stream = python_pairs(source)
    for line, value in stream:
        pairs: Iterable[Any] = [value]
        if isinstance(value, dict):
            if not isinstance(value.get("annotations"), list):
                raise Where(source.name, line, "file").error("no annotations in the object", TUPLE)
            pairs = value["annotations"]
        for pair in pairs:
            if pair is None:  # the browser annotator leaves these for skipped texts
                continue
            text = pair[0] if isinstance(pair, (list, tuple)) and pair and isinstance(pair[0], str) else ""
            where = Where(source.name, line, "example", text)
            if not isinstance(pair, (list, tuple)) or len(pair) < 2 or not isinstance(pair[0], str):
                raise where.error(f"{short(pair)} is not a pair of text and annotations", TUPLE)
            annotations = pair[1]
            entities = annotations.get("entities") if isinstance(annotations, dict) else annotations
            record = Record(source.name, line, text)
            groups = annotations.get("spans") if isinstance(annotations, dict) else None
            if groups and "entities" in annotations:
                named = ", ".join(map(str, groups)) if isinstance(groups, dict) else "'spans'"
                record.notes.append(("unsupported", "noted", f"the spans of {named} left out"))
            if isinstance(annotations, dict) and "entities" not in annotations:
                record.complete = False  # not annotated, or for something else
            elif (
                isinstance(entities, (list, tuple))
                and entities
                and all(tag is None or isinstance(tag, str) for tag in entities)
            ):
                record.tokens, record.tags = text.split(" "), list(entities)
                record.text = None
            else:
                record.spans = spans_of(entities, options, where)
            yield record


def _python_only(sample: Sample) -> bool:
    seen = peek(sample)
    return seen is None or not seen.items or not (_is_tuple(seen.items[0]) or isinstance(seen.items[0], dict))


def _write_tuples(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    for number, record in enumerate(records):
        text, spans = text_and_spans(record)
        annotations = {"entities": [[s.start, s.end, s.label] for s in spans]}
        if is_unannotated(record):
            annotations = {}
        else:
            refuse_missing(record, "spacy-tuples")
        pair = [text, annotations]
        stream.write((",\n" if number else "\n") + json.dumps(pair, ensure_ascii=False))
    stream.write("\n]\n")


TUPLES = Format(
    "spacy-tuples", "spaCy v2 training tuples (TRAIN_DATA) as JSON or Python", (".json", ".py"), _sniff_tuples,
    _read_tuples, _write_tuples,
)  # fmt: skip
