"""PaddleNLP UIE: a row a text and label asked for (`prompt`), with its answers (`result_list`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short


def _is_row(item: Mapping[str, Any]) -> bool:
    return all(isinstance(item.get(key), str) for key in ("content", "prompt")) and isinstance(
        item.get("result_list"), list
    )


def _sniff(sample: Sample) -> Match | None:
    if any(map(_is_row, some_objects(sample))):
        return Match(0.97, "content, prompt and result_list (PaddleNLP UIE)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a text, of all its rows, which stand anywhere in the file. Questions about relations name a text."""
    records: dict[str, Record] = {}
    for line, item in objects(source):
        where = Where(source.name, line, "result")
        if not _is_row(item):
            raise where.error(f"{short(item)}", '{"content": ..., "prompt": ..., "result_list": [...]}')
        record = records.setdefault(item["content"], Record(source.name, line, item["content"]))
        record.meta |= group_of(item, options)
        subject, of, _ = item["prompt"].rpartition("的")
        if of and subject in item["content"]:
            if item["result_list"]:
                record.notes.append(("unsupported", "noted", f"the relation {item['prompt']!r} left out"))
            continue
        for each in item["result_list"]:
            if not isinstance(each, Mapping):
                raise where.error(short(each), '{"text": ..., "start": 0, "end": 5}')
            stored = each.get("text") if isinstance(each.get("text"), str) else None
            start, end = offset(each.get("start"), where), offset(each.get("end"), where)
            for label in label_of(item["prompt"], options, where):
                record.spans.append(SpanRecord(start, end, label, stored))
    for record in records.values():
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record


_EXAMPLE = """{"content": "Marie Curie was born in Warsaw.", "result_list": [{"text": "Marie Curie", "start": 0, "end": 11}], "prompt": "PER"}
{"content": "Marie Curie was born in Warsaw.", "result_list": [{"text": "Warsaw", "start": 24, "end": 30}], "prompt": "LOC"}
"""
UIE = Format(
    "uie",
    "PaddleNLP UIE: content, prompt and result_list",
    (".txt", ".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
