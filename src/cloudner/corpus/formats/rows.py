"""JSON objects with a text and its spans: plain JSON lines, doccano, Label Studio's JSON-MIN, DataTurks, CLUENER,
AutoML and Vertex AI, SageMaker and Comprehend manifests, UBIAI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any

from cloudner.corpus.formats._json import peek, values
from cloudner.corpus.formats._spans import Where, label_of, offset, short, span_of, spans_of, text_and_spans
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record, SpanRecord

TEXT_KEYS = ("text", "data", "content", "sentence", "document", "doc", "body", "input")
SPAN_KEYS = ("entities", "spans", "labels", "label", "annotations", "ents", "ner", "annotation", "tags")
_META_KEYS = ("id", "doc_id", "document_id", "split", "meta", "source")
Reader = Callable[[Any, ReadOptions], Iterator[Record]]


def objects(source: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of every element. Raises InputError for an element that is no object, or without any."""
    count = 0
    for line, value in values(source):
        if not isinstance(value, dict):
            raise Where(source.name, line, "element").error(
                f"{short(value)} is not an object", '{"text": ..., "entities": ...}', "--format NAME"
            )
        count += 1
        yield line, value
    if count == 0:
        raise Where(source.name, 1, "file").error("no element in it", "at least one object")


def _first(sample: Sample) -> dict[str, Any] | None:
    seen = peek(sample)
    if seen is None or not seen.items or not isinstance(seen.items[0], dict):
        return None
    return seen.items[0]


def _some(sample: Sample) -> list[dict[str, Any]]:
    seen = peek(sample)
    return [item for item in seen.items if isinstance(item, dict)] if seen else []


def text_of(
    item: Mapping[str, Any], wanted: str | None, where: Where, keys: tuple[str, ...] = TEXT_KEYS
) -> str:
    """The text of an object, by key. Raises InputError when there is none or it is no text."""
    key = wanted if wanted is not None else next((k for k in keys if isinstance(item.get(k), str)), None)
    if key is None or key not in item:
        raise where.error(
            f"no text among the keys {', '.join(map(repr, list(item)[:12]))}",
            f"a key {wanted!r}" if wanted else "one of " + ", ".join(keys[:5]),
            "--text-column KEY",
        )
    if item[key] is None:
        return ""
    if not isinstance(item[key], str):
        raise where.error(f"the text is {short(item[key])}", "a string", "--text-column KEY")
    return str(item[key])


def meta_of(item: Mapping[str, Any], options: ReadOptions) -> dict[str, Any]:
    """What goes into the document's `user_data["meta"]`: ids and the value of `--group-by`."""
    meta = {key: item[key] for key in _META_KEYS if item.get(key) not in (None, {}, "")}
    if options.group_by is not None:
        value: Any = item
        for part in options.group_by.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            meta["group"] = value
    return meta


# Plain rows and doccano


def _read_rows(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "row")
        text = text_of(item, options.text_column, where)
        key = options.entities_column
        if key is None:
            key = next((k for k in SPAN_KEYS if isinstance(item.get(k), (list, dict))), None)
            if key is None and not any(k in item for k in SPAN_KEYS):
                raise where.error(
                    f"no entities among the keys {', '.join(map(repr, list(item)[:12]))}",
                    "one of " + ", ".join(SPAN_KEYS[:5]),
                    "--entities-column KEY",
                )
        elif key not in item:
            raise where.error(f"no key {key!r}", "that key in every row", "--entities-column KEY")
        value = item.get(key) if key else None
        record = Record(source.name, line, text, [], meta=meta_of(item, options))
        if key:
            where.what = f"key {key!r}"
        record.spans = spans_of(value, options, where)
        for span in record.spans:
            if span.label.isdigit():
                record.notes.append(
                    (
                        "unknown-tag",
                        "noted",
                        f"the label is the number {span.label}; name it with --label {span.label}=NAME",
                    )
                )
                break
        relations = item.get("relations")
        if isinstance(relations, list) and relations:
            record.notes.append(("unsupported", "noted", f"{len(relations)} relations left out"))
        if item.get("complete") is False:
            record.complete = False
        yield record


def _span_key(item: Mapping[str, Any]) -> str | None:
    for key in SPAN_KEYS:
        value = item.get(key)
        if isinstance(value, list) and value:
            first = value[0]
            if isinstance(first, list) and len(first) >= 3 and any(isinstance(x, int) for x in first[:2]):
                return key
            if isinstance(first, dict) and {
                "start",
                "start_offset",
                "startOffset",
                "begin",
                "start_char",
            } & set(first):
                return key
    return None


def _sniff_doccano(sample: Sample) -> Match | None:
    for item in _some(sample):
        text = next((k for k in ("text", "data") if isinstance(item.get(k), str)), None)
        if text is None:
            continue
        key = _span_key(item)
        if "relations" in item and key == "entities":
            return Match(0.9, "text, entities with start_offset, and relations")
        annotations = item.get("annotations")
        if isinstance(annotations, list) and any(
            "start_offset" in a for a in annotations[:1] if isinstance(a, dict)
        ):
            return Match(0.9, "annotations with start_offset and end_offset")
        if key in ("label", "labels") and isinstance(item[key][0], list):
            extra = {"annotation_approver", "Comments", "meta", "id"} & set(item)
            return Match(0.9 if extra else 0.85, f"{text!r} with {key!r} as [start, end, label]")
    return None


def _sniff_rows(sample: Sample) -> Match | None:
    items = _some(sample)
    for item in items:
        text = next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
        key = _span_key(item)
        if text is not None and key is not None:
            return Match(0.8, f"objects with {text!r} and {key!r}")
    for item in items[:1]:
        text = next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
        key = next((k for k in SPAN_KEYS if item.get(k) == []), None)
        if text is not None and key is not None:
            return Match(0.6, f"objects with {text!r} and an empty {key!r}")
    return None


def _write_jsonl(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        text, spans = text_and_spans(record)
        row: dict[str, Any] = {
            "text": text,
            "entities": [{"start": s.start, "end": s.end, "label": s.label} for s in spans],
        }
        if not record.complete:
            row["complete"] = False
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_doccano(records: Iterable[Record], stream: IO[str]) -> None:
    for number, record in enumerate(records, start=1):
        text, spans = text_and_spans(record)
        row = {"id": number, "text": text, "label": [[s.start, s.end, s.label] for s in spans]}
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


# Label Studio's JSON-MIN


def _min_key(item: Mapping[str, Any]) -> str | None:
    for key, value in item.items():
        first = value[0] if isinstance(value, list) and value else None
        if (
            isinstance(first, dict)
            and "labels" in first
            and ({"start", "end"} <= set(first) or "globalOffsets" in first)
        ):
            return key
    return None


def _sniff_json_min(sample: Sample) -> Match | None:
    for item in _some(sample):
        key = _min_key(item)
        if key is not None and "annotation_id" in item:
            return Match(0.97, f"annotation_id, and {key!r} with start, end and labels")
        if key is not None:
            return Match(0.82, f"{key!r} with start, end and labels")
    return None


def _read_json_min(source: Any, options: ReadOptions) -> Iterator[Record]:
    known: str | None = options.entities_column
    for line, item in objects(source):
        where = Where(source.name, line, "task")
        known = known or _min_key(item)
        fields = {
            k: v
            for k, v in item.items()
            if isinstance(v, str) and k not in ("created_at", "updated_at", "annotator")
        }
        key = options.text_column or next((k for k in TEXT_KEYS if k in fields), None)
        if key is None and fields:
            key = max(fields, key=lambda k: len(fields[k]))
        text = text_of(item, key or options.text_column, where)
        spans: list[SpanRecord] = []
        for value in item.get(known or "", None) or ():
            if isinstance(value, dict) and "labels" in value:
                spans.extend(_label_studio_value(value, options, where))
        yield Record(
            source.name,
            line,
            text,
            spans,
            meta=meta_of(item, options),
            complete="annotation_id" in item or bool(spans),
        )


def _label_studio_value(value: Mapping[str, Any], options: ReadOptions, where: Where) -> list[SpanRecord]:
    whole = value.get("globalOffsets")
    start, end = value.get("start"), value.get("end")
    if isinstance(whole, Mapping):
        start, end = whole.get("start"), whole.get("end")
    surface = value.get("text")
    if isinstance(surface, list):
        surface = "".join(map(str, surface))
    labels = label_of(value.get("labels") or value.get("hypertextlabels") or [None], options, where)
    first, last = offset(start, where), offset(end, where)
    return [SpanRecord(first, last, label, surface if isinstance(surface, str) else None) for label in labels]


# DataTurks: ends are inclusive


def _sniff_dataturks(sample: Sample) -> Match | None:
    for item in _some(sample):
        if "content" in item and "annotation" in item:
            annotation = item["annotation"]
            if annotation is None or (
                isinstance(annotation, list) and (not annotation or "points" in annotation[0])
            ):
                return Match(0.95, "content, and annotation with points")
    return None


def _read_dataturks(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        text = text_of(item, options.text_column, where, ("content", "text"))
        spans: list[SpanRecord] = []
        for annotation in item.get("annotation") or ():
            for point in annotation.get("points") or ():
                start, end = offset(point.get("start"), where), offset(point.get("end"), where)
                surface = point.get("text") if isinstance(point.get("text"), str) else None
                # A few exports were made with exclusive ends: the surface text tells.
                exclusive = surface is not None and text[start:end] == surface != text[start : end + 1]
                for label in label_of(annotation.get("label"), options, where):
                    spans.append(SpanRecord(start, end if exclusive else end + 1, label, surface))
        annotated = item.get("annotation") is not None
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=annotated)


def _write_dataturks(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        text, spans = text_and_spans(record)
        annotation = [
            {
                "label": [s.label],
                "points": [{"start": s.start, "end": s.end - 1, "text": text[s.start : s.end]}],
            }
            for s in spans
        ]
        stream.write(json.dumps({"content": text, "annotation": annotation}, ensure_ascii=False) + "\n")


# CLUENER: {"label": {"name": {"surface": [[start, inclusive end]]}}}


def _sniff_cluener(sample: Sample) -> Match | None:
    for item in _some(sample):
        label = item.get("label")
        if isinstance(item.get("text"), str) and isinstance(label, dict) and label:
            inner = next(iter(label.values()))
            if isinstance(inner, dict) and all(isinstance(v, list) for v in inner.values()):
                return Match(0.97, "label by name, surface and positions")
    return None


def _read_cluener(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "label")
        text = text_of(item, options.text_column, where)
        label = item.get("label")
        spans: list[SpanRecord] = []
        if label is not None and not isinstance(label, dict):
            raise where.error(f"{short(label)} is not an object", '{"name": {"surface": [[0, 2]]}}')
        for name, surfaces in (label or {}).items():
            if not isinstance(surfaces, dict):
                raise where.error(f"{short(surfaces)} is not an object", '{"surface": [[0, 2]]}')
            for surface, places in surfaces.items():
                for place in places:
                    if not isinstance(place, list) or len(place) != 2:
                        raise where.error(f"the position {short(place)}", "[start, end], end inclusive")
                    start, end = offset(place[0], where), offset(place[1], where) + 1
                    spans.append(SpanRecord(start, end, options.labels.get(str(name), str(name)), surface))
        spans.sort()
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=label is not None)


def _write_cluener(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        text, spans = text_and_spans(record)
        label: dict[str, dict[str, list[list[int]]]] = {}
        for s in spans:
            label.setdefault(s.label, {}).setdefault(text[s.start : s.end], []).append([s.start, s.end - 1])
        stream.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


# Google AutoML and Vertex AI


def _sniff_automl(sample: Sample) -> Match | None:
    for item in _some(sample):
        if "textSegmentAnnotations" in item:
            return Match(0.98, "textSegmentAnnotations (Vertex AI)")
        if isinstance(item.get("text_snippet") or item.get("textSnippet"), dict) and "annotations" in item:
            return Match(0.98, "text_snippet with annotations (AutoML)")
    return None


def _read_automl(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        if "textSegmentAnnotations" in item:
            text = text_of(item, "textContent" if "textContent" in item else None, where)
            pairs = [(a, a.get("displayName")) for a in item["textSegmentAnnotations"] or ()]
        else:
            snippet = item.get("text_snippet") or item.get("textSnippet") or {}
            text = text_of(snippet, "content", where)
            pairs = []
            for annotation in item.get("annotations") or ():
                extraction = annotation.get("text_extraction") or annotation.get("textExtraction") or {}
                segment = extraction.get("text_segment") or extraction.get("textSegment") or {}
                pairs.append((segment, annotation.get("display_name") or annotation.get("displayName")))
        spans: list[SpanRecord] = []
        for segment, label in pairs:
            # protobuf leaves out a start of 0
            start = offset(segment.get("start_offset", segment.get("startOffset", 0)), where)
            end = offset(segment.get("end_offset", segment.get("endOffset")), where)
            spans.append(SpanRecord(start, end, label_of(label, options, where)[0], segment.get("content")))
        yield Record(source.name, line, text, spans, meta=meta_of(item, options))


# SageMaker Ground Truth manifests, which Comprehend reads


def _manifest_key(item: Mapping[str, Any]) -> str | None:
    return next(
        (k for k, v in item.items() if isinstance(v, dict) and isinstance(v.get("annotations"), dict)
         and "entities" in v["annotations"]),
        None,
    )  # fmt: skip


def _sniff_manifest(sample: Sample) -> Match | None:
    for item in _some(sample):
        key = _manifest_key(item)
        if "source" in item and key:
            return Match(0.98, f"source, and {key!r} with annotations.entities (Ground Truth, Comprehend)")
        if isinstance(item.get("Entities"), list) and "File" in item:
            return Match(0.9, "Entities with BeginOffset (Comprehend)")
    return None


def _read_manifest(source: Any, options: ReadOptions) -> Iterator[Record]:
    key: str | None = options.entities_column
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        if "source" not in item and "Entities" in item:
            raise where.error(
                "Comprehend's results have offsets but no text",
                "an augmented manifest",
                "--format comprehend with the input",
            )
        text = text_of(item, options.text_column or "source", where)
        key = key or _manifest_key(item)
        content = item.get(key or "") or {}
        entities = (content.get("annotations") or {}).get("entities") or ()
        spans = [span for entity in entities for span in span_of(entity, options, where)]
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=key in item)


# UBIAI


def _sniff_ubiai(sample: Sample) -> Match | None:
    for item in _some(sample):
        if isinstance(item.get("document"), str) and (
            "documentName" in item or "tokens" in item or "annotation" in item
        ):
            return Match(0.95, "document with tokens or annotation (UBIAI)")
    return None


def _read_ubiai(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        text = text_of(item, options.text_column or "document", where)
        spans: list[SpanRecord] = []
        for token in item.get("annotation") or item.get("tokens") or ():
            label = token.get("entityLabel", token.get("label"))
            if not label:
                continue  # a word of the text, not an entity
            start, end = offset(token.get("start"), where), offset(token.get("end"), where)
            surface = token.get("text") if isinstance(token.get("text"), str) else None
            spans.append(SpanRecord(start, end, label_of(label, options, where)[0], surface))
        record = Record(source.name, line, text, spans, meta=meta_of(item, options))
        if item.get("documentName"):
            record.meta["id"] = item["documentName"]
        if item.get("relations"):
            record.notes.append(("unsupported", "noted", f"{len(item['relations'])} relations left out"))
        yield record


JSONL = Format(
    "jsonl", "JSON lines or a JSON list: a text and its spans", (".jsonl", ".ndjson", ".json"), _sniff_rows, _read_rows,
    _write_jsonl,
)  # fmt: skip
DOCCANO = Format(
    "doccano", "doccano exports of all versions (labels, label, annotations, entities and relations)",
    (".jsonl", ".json"), _sniff_doccano, _read_rows, _write_doccano,
)  # fmt: skip
JSON_MIN = Format(
    "label-studio-min", "Label Studio's JSON-MIN export", (".json",), _sniff_json_min, _read_json_min
)  # fmt: skip
DATATURKS = Format(
    "dataturks", "DataTurks export (inclusive ends)", (".json", ".jsonl"), _sniff_dataturks, _read_dataturks,
    _write_dataturks,
)  # fmt: skip
CLUENER = Format(
    "cluener", "CLUENER: labels by name and surface text (inclusive ends)", (".json", ".jsonl"), _sniff_cluener,
    _read_cluener, _write_cluener,
)  # fmt: skip
AUTOML = Format(
    "automl", "Google AutoML and Vertex AI text entities", (".jsonl",), _sniff_automl, _read_automl
)
MANIFEST = Format(
    "ground-truth", "SageMaker Ground Truth / Comprehend augmented manifest", (".manifest", ".jsonl"), _sniff_manifest,
    _read_manifest,
)  # fmt: skip
UBIAI = Format("ubiai", "UBIAI's JSON export", (".json",), _sniff_ubiai, _read_ubiai)
