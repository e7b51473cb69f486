"""Azure AI Language, custom named entity recognition: an export beside the project's texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.json.objects import group_of, only_object
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.spans import Where, offset
from cloudner.errors import InputError


def _sniff_azure(sample: Sample) -> Match | None:
    seen = peek(sample)
    item = seen.items[0] if seen and seen.items else None
    if not isinstance(item, dict):
        return None
    if "projectFileVersion" in item or "stringIndexType" in item:
        return Match(0.98, "projectFileVersion (Azure AI Language)")
    documents = item.get("documents") or (item.get("assets") or {}).get("documents")
    if (
        isinstance(documents, list)
        and documents
        and isinstance(documents[0], dict)
        and "location" in documents[0]
    ):
        return Match(0.95, "documents with location and entities (Azure AI Language)")
    return None


def _read_azure(source: Source, options: ReadOptions) -> Iterator[Record]:
    item = only_object(source, "an Azure project export")
    assets: dict[str, Any] = item["assets"] if isinstance(item.get("assets"), dict) else item
    utf16 = str(item.get("stringIndexType", "")).lower() == "utf16codeunit"
    documents = assets.get("documents") or []
    if not documents:
        raise InputError("no documents in the export", file=source.name, line=1, expected="assets.documents")
    for number, document in enumerate(documents, start=1):
        where = Where(source.name, number, f"document {number}")
        location = document.get("location")
        if not isinstance(location, str):
            raise where.error("no location", '{"location": "a.txt", "entities": [...]}')
        # Not normalised: the offsets count the line ends the file has.
        text = text_beside(source, location, "the documents of the project beside the export").text()
        units = OffsetMap(text)
        record = Record(location, 1, text, meta={"id": location})
        if document.get("dataset"):
            record.meta["split"] = document["dataset"]
        record.meta |= group_of(document, options)
        regions = document.get("entities", document.get("extractors"))
        record.complete = regions is not None
        for region in regions or ():
            entities = region.get("labels") if isinstance(region.get("labels"), list) else [region]
            for entity in entities:
                start = offset(entity.get("offset"), where)
                end = start + offset(entity.get("length"), where)
                if utf16:
                    start, end = units.spans(start, end, "offsets-utf16") or (start, end)
                name = str(entity.get("category", region.get("category", "")))
                record.spans.append(SpanRecord(start, end, options.labels.get(name, name)))
        yield record


_EXAMPLE = {
    "export.json": """{"projectFileVersion": "2022-05-01", "stringIndexType": "Utf16CodeUnit", "assets": {"documents": [
  {"location": "curie.txt", "language": "en", "entities": [{"regionOffset": 0, "regionLength": 31, "labels": [
    {"category": "PER", "offset": 0, "length": 11},
    {"category": "LOC", "offset": 24, "length": 6}
  ]}]}
]}}
""",
    "curie.txt": "Marie Curie was born in Warsaw.\n",
}
AZURE = Format(
    "azure",
    "Azure AI Language custom NER export beside its texts",
    (".json",),
    _sniff_azure,
    _read_azure,
    example=_EXAMPLE,
)
