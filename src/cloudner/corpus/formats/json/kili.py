"""Kili: assets with labels, each the answer of one author to the project's jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import choose
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects, text_of
from cloudner.corpus.formats.spans import Where, label_of, offset

# What a model has said, and what nobody has submitted.
_UNFINISHED = ("PREDICTION", "INFERENCE", "AUTOSAVE")


def _labels(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    labels = item.get("labels") or (
        [item["latestLabel"]] if isinstance(item.get("latestLabel"), Mapping) else []
    )
    read = [
        {
            **label,
            "jsonResponse": answer_of(label.get("jsonResponse")),
        }  # a text in exports of its first years
        for label in labels
        if isinstance(label, Mapping)
    ]
    return [label for label in read if isinstance(label["jsonResponse"], Mapping)]


def _finished(item: Mapping[str, Any], record: Record) -> list[Mapping[str, Any]]:
    """People's labels that hold: neither drafts nor a model's, of each person the latest, those of reviews first."""
    labels = _labels(item)
    if item.get("skipped") is True or (labels and all(label.get("skipped") is True for label in labels)):
        record.notes.append(("rejected", "noted", "skipped by the annotator: kept as unannotated"))
        return []
    labels = [label for label in labels if label.get("skipped") is not True]
    finished = [label for label in labels if label.get("labelType") not in _UNFINISHED]
    if labels and not finished:
        kinds = ", ".join(sorted({str(label["labelType"]) for label in labels}))
        record.notes.append(("rejected", "noted", f"labels of the type {kinds} alone: kept as unannotated"))
    latest = [label for label in finished if label.get("isLatestLabelForUser") is not False]
    return sorted(latest or finished, key=lambda label: label.get("labelType") != "REVIEW")


def _sniff(sample: Sample) -> Match | None:
    if any(isinstance(item.get("labels"), list) and _labels(item) for item in some_objects(sample)):
        return Match(0.97, "labels with a jsonResponse (Kili)")
    return None


def _spans(label: Mapping[str, Any], options: ReadOptions, where: Where) -> list[SpanRecord]:
    spans = []
    for job in label["jsonResponse"].values():
        for each in (job.get("annotations") if isinstance(job, Mapping) else None) or ():
            if not isinstance(each, Mapping) or "beginOffset" not in each:
                continue
            start, surface = offset(each["beginOffset"], where), each.get("content")
            end = offset(each["endOffset"], where) if "endOffset" in each else start + len(str(surface or ""))
            names = [c.get("name") for c in each.get("categories") or () if isinstance(c, Mapping)]
            stored = surface if isinstance(surface, str) else None
            spans += [
                SpanRecord(start, end, name, stored) for name in label_of(names or None, options, where)
            ]
    return sorted(spans, key=lambda span: (span.start, -span.end))


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "asset")
        record = Record(source.name, line, text_of(item, options.text_column or "content", where))
        name = item.get("externalId") or item.get("id")
        if name is not None:
            record.meta["id"] = name
        record.meta |= group_of(item, options)
        results = []
        for number, label in enumerate(_finished(item, record), start=1):
            author = label.get("author")
            who = author.get("email") if isinstance(author, Mapping) else None
            results.append((str(who or number), _spans(label, options, where)))
        choose(record, results, options)
        yield record


_EXAMPLE = """[{"externalId": "curie", "content": "Marie Curie was born in Warsaw.", "labels": [{"author": {"email": "ann@example.org"}, "jsonResponse": {"JOB_0": {"annotations": [
  {"beginOffset": 0, "content": "Marie Curie", "categories": [{"name": "PER"}], "mid": "a"},
  {"beginOffset": 24, "content": "Warsaw", "categories": [{"name": "LOC"}], "mid": "b"}
]}}}]}]
"""
KILI = Format(
    "kili",
    "Kili's JSON export of texts",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)
