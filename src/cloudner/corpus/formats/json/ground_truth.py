"""SageMaker Ground Truth manifests, which Comprehend reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.spans import Where, span_of


def _jobs(item: Mapping[str, Any]) -> list[str]:
    """The keys of the labelling jobs that a row has entities of."""
    return [
        k for k, v in item.items() if isinstance(v, dict) and isinstance(v.get("annotations"), dict)
        and "entities" in v["annotations"]
    ]  # fmt: skip


def _manifest_key(item: Mapping[str, Any]) -> str | None:
    return next(iter(_jobs(item)), None)


def _sniff_manifest(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        key = _manifest_key(item)
        if "source" in item and key:
            return Match(0.98, f"source, and {key!r} with annotations.entities (Ground Truth, Comprehend)")
        if isinstance(item.get("Entities"), list) and "File" in item:
            return Match(0.9, "Entities with BeginOffset (Comprehend)")
    return None


def _read_manifest(source: Source, options: ReadOptions) -> Iterator[Record]:
    key: str | None = options.entities_column
    told: set[str] = set()
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
        record = Record(source.name, line, text, spans, meta=meta_of(item, options), complete=key in item)
        if options.entities_column is None:
            others = [job for job in _jobs(item) if job != key and job not in told]
            record.notes += [left_out(job, str(key), "entities") for job in others]
            told.update(others)
        yield record


_EXAMPLE = '{"source": "Marie Curie was born in Warsaw.", "my-job": {"annotations": {"entities": [{"startOffset": 0, "endOffset": 11, "label": "PER"}, {"startOffset": 24, "endOffset": 30, "label": "LOC"}], "labels": [{"label": "PER"}, {"label": "LOC"}]}}, "my-job-metadata": {"type": "groundtruth/text-span"}}\n'
MANIFEST = Format(
    "ground-truth", "SageMaker Ground Truth / Comprehend augmented manifest", (".manifest", ".jsonl"), _sniff_manifest,
    _read_manifest,
    example=_EXAMPLE,
)  # fmt: skip
