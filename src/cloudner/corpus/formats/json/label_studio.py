"""Label Studio's full JSON export: tasks with data, annotations (formerly completions) and results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import choose, named
from cloudner.corpus.formats.json.dialogue import Dialogue
from cloudner.corpus.formats.json.label_studio_controls import Controls, control
from cloudner.corpus.formats.json.label_studio_min import spans_of_value
from cloudner.corpus.formats.json.label_studio_page import shown
from cloudner.corpus.formats.json.label_studio_texts import (
    SPAN_TYPES,
    TaskTexts,
    annotations_of,
    is_region,
    labelled_keys,
    regions_of,
    without_text,
)
from cloudner.corpus.formats.json.objects import meta_of, objects
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.json.without_text import NoText, texts_only
from cloudner.corpus.formats.spans import Where, text_and_spans
from cloudner.corpus.formats.words import Ids, refuse_missing


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:3] if seen else ():
        if isinstance(item, dict) and _stored(item) is not None:
            return Match(0.98, "an annotation with its task (Label Studio's target storage)")
        if isinstance(item, dict) and isinstance(item.get("data"), dict):
            for key in ("annotations", "completions"):
                if isinstance(item.get(key), list):
                    return Match(0.98, f"tasks with data and {key} (Label Studio)")
            if isinstance(item.get("predictions"), list):
                return Match(0.9, "tasks with data and predictions (Label Studio)")
    return None


def _stored(item: dict[str, Any]) -> dict[str, Any] | None:
    """The task of one annotation, as a target storage (S3, GCS, Azure) gets one file for each; None for anything else."""
    task = item.get("task")
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict) or "result" not in item:
        return None
    return {**task, "annotations": [item]}


def _finished(item: Mapping[str, Any], record: Record) -> list[Mapping[str, Any]]:
    """The annotations that nobody skipped, the ground truth first."""
    annotations = annotations_of(item)
    usable = [
        a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled") and not a.get("skipped")
    ]
    if annotations and not usable:
        record.notes.append(("rejected", "noted", "skipped by the annotator: kept as unannotated"))
    return sorted(usable, key=lambda a: not a.get("ground_truth"))


def _annotator(annotation: Mapping[str, Any], number: int) -> str:
    """Who it was: the address, the id, or else the annotation's own number."""
    who = named(annotation.get("completed_by", annotation.get("created_username")))
    return who if who is not None else str(annotation.get("id", number))


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    return texts_only(_tasks(source, options))


def _tasks(source: Source, options: ReadOptions) -> Iterator[Record | NoText]:
    """One record for each text of a task that regions of the file are on."""
    seen = peek(source.sample())
    labelled = labelled_keys(seen.items if seen else ())
    controls = Controls(options.entities_column)
    for line, given in objects(source):
        item = _stored(given) or given
        where = Where(source.name, line, "task" if item.get("id") is None else f"task {item['id']}")
        if not isinstance(item.get("data"), dict):
            raise where.error("no data in it", '{"data": {"text": ...}, "annotations": [...]}')
        record = Record(source.name, line, meta=meta_of(item, options))
        if options.group_by and options.group_by in item["data"]:
            record.meta["group"] = item["data"][options.group_by]
        annotations = _finished(item, record)
        regions = list(regions_of(annotations))
        record.notes += controls.notes(regions)
        other = without_text(item["data"], regions, labelled, options.text_column, where)
        if other is not None:
            yield other
            continue
        texts = TaskTexts(item["data"], regions, labelled, options.text_column, where)
        labelled |= texts.labelled
        record.notes += texts.notes
        for key in texts.texts:
            found = _record(record, texts, key, annotations, options, where)
            if item is not given:  # other people's are in files of their own
                found.annotator = _annotator(given, 1)
            yield found
    controls.check(source.name)


def _record(
    task: Record,
    texts: TaskTexts,
    key: str,
    annotations: list[Mapping[str, Any]],
    options: ReadOptions,
    where: Where,
) -> Record:
    """The record of one of a task's texts."""
    text = texts.texts[key]
    turns = text if isinstance(text, Dialogue) else None
    record = Record(task.file, task.line, text if isinstance(text, str) else text.text, meta=dict(task.meta))
    is_main = key == texts.main
    if is_main:
        record.notes += task.notes
    elif "id" in record.meta:
        record.meta["id"] = f"{record.meta['id']}:{key}"
    found: list[tuple[str, list[SpanRecord]]] = []
    hyper = False
    for number, annotation in enumerate(annotations, start=1):
        result = annotation.get("result")
        reading = _Results(record, turns, options, where, tell=not found)
        mine = [r for r in result if texts.place(r) == key] if isinstance(result, list) else []
        spans = reading.spans(mine)
        hyper = hyper or reading.hyper
        found.append((_annotator(annotation, number), spans))
    choose(record, found, options)
    shown(record, hyper)
    return record


class _Results:
    """The spans of one annotation. tell: does the record note what is left out?"""

    def __init__(
        self, record: Record, turns: Dialogue | None, options: ReadOptions, where: Where, tell: bool
    ) -> None:
        self._record, self._turns, self._options, self._where, self._tell = (
            record,
            turns,
            options,
            where,
            tell,
        )
        self.hyper = False  # are there marks on a page of HTML?

    def spans(self, results: list[Any]) -> list[SpanRecord]:
        spans: list[SpanRecord] = []
        left_out: Counter[str] = Counter()
        for result in results:
            value = result.get("value") if isinstance(result, dict) else None
            kind = result.get("type") if isinstance(result, dict) else None
            if self._options.entities_column not in (None, control(result)) and is_region(result):
                continue
            found = self._of(value, kind) if isinstance(value, dict) else str(kind)
            if isinstance(found, str):
                left_out[found] += 1
            else:
                spans.extend(found)
        for kind, count in left_out.items():
            action = "dropped" if kind in SPAN_TYPES or "hypertext" in kind else "noted"
            if self._tell:
                self._record.notes.append(("unsupported", action, f"{count} results of type {kind} left out"))
        return spans

    def _of(self, value: dict[str, Any], kind: Any) -> list[SpanRecord] | str:
        """The spans of one result, or the name under which it is left out."""
        if self._turns is not None and "paragraphlabels" in value:
            return self._turns.spans(value, self._options, self._where)
        if not ("labels" in value or "hypertextlabels" in value or kind in SPAN_TYPES):
            return str(kind)
        if "start" not in value and "globalOffsets" not in value:
            return str(kind)
        if isinstance(value.get("start"), str) and not str(value["start"]).isdigit():
            self.hyper = True
            if "globalOffsets" not in value:  # XPaths into a page, and no plain offsets
                if not isinstance(value.get("text"), str):
                    return "hypertextlabels without text"
                value = {**value, "globalOffsets": {"start": 0, "end": 0}}
        return spans_of_value(value, self._options, self._where)


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    ids = Ids()
    for number, record in enumerate(records, start=1):
        text, spans = text_and_spans(record)
        if spans:
            refuse_missing(record, "label-studio")
        result = span_results(text, spans, f"{number}-")
        task: dict[str, Any] = {
            "id": ids.of(record, number),
            "data": {"text": text},
            "annotations": [],
        }
        if record.complete or spans:
            task["annotations"] = [{"id": number, "was_cancelled": False, "result": result}]
        stream.write((",\n" if number > 1 else "\n") + json.dumps(task, ensure_ascii=False))
    stream.write("\n]\n")


def span_results(text: str, spans: Iterable[SpanRecord], prefix: str = "") -> list[dict[str, Any]]:
    """Spans as the results of an annotation or a prediction; their ids are numbers behind `prefix`."""
    units = _units(text)
    return [
        {
            "id": f"{prefix}{index}",
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {
                "start": units(s.start), "end": units(s.end), "text": text[s.start : s.end], "labels": [s.label],
            },
        }
        for index, s in enumerate(spans)
    ]  # fmt: skip


def _units(text: str) -> Any:
    """Offsets as Label Studio's browser part counts them: in UTF-16 code units."""
    if not text or max(text) <= "\uffff":
        return lambda position: position
    return lambda position: len(text[:position].encode("utf-16-le")) // 2


LABEL_STUDIO = Format("label-studio", "Label Studio's JSON export", (".json",), _sniff, _read, _write)
