"""Azure AI Language: an export of custom named entity recognition beside the project's texts, or of conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.json.objects import group_of, only_object
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.spans import Where, offset, short
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
    names = _names(assets)
    utterances = assets.get("utterances")
    for number, each in enumerate(utterances if isinstance(utterances, list) else (), start=1):
        yield _utterance(each, options, utf16, Where(source.name, number, f"utterance {number}"))
    documents = assets.get("documents") or []
    if not documents and not utterances:
        raise InputError(
            "no documents in the export",
            file=source.name,
            line=1,
            expected="assets.documents or assets.utterances",
        )
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
            labels = region.get("labels")
            for entity in labels if isinstance(labels, list) else [region]:
                start, end = _place(entity, units, utf16, where)
                label = _label({**region, **entity}, names, where)
                record.spans.append(SpanRecord(start, end, options.labels.get(label, label)))
        yield record


def _place(entity: Mapping[str, Any], units: OffsetMap, utf16: bool, where: Where) -> tuple[int, int]:
    start = offset(entity.get("offset", entity.get("start")), where)
    end = start + offset(entity.get("length"), where)
    return (units.spans(start, end, "offsets-utf16") or (start, end)) if utf16 else (start, end)


def _names(assets: Mapping[str, Any]) -> list[str]:
    """The labels that the entities of older exports name by their numbers."""
    given = assets.get("entityNames") or assets.get("extractors") or ()
    return [str(each.get("name", "")) if isinstance(each, Mapping) else str(each) for each in given]


def _label(entity: Mapping[str, Any], names: list[str], where: Where) -> str:
    """An entity's `category`; in older exports a name, or a number of one in a list."""
    keys = ("category", "extractorName", "entity", "extractorIndex")
    value = next((entity[key] for key in keys if entity.get(key) is not None), None)
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if not 0 <= value < len(names):
            raise where.error(f"the entity {value}", f"one of the {len(names)} in the list of names")
        return names[value]
    if not isinstance(value, (str, int)):
        raise where.error(
            f"no label in {short(dict(entity))}", '{"category": "PER", "offset": 0, "length": 5}'
        )
    return str(value)


def _utterance(each: Any, options: ReadOptions, utf16: bool, where: Where) -> Record:
    """The record of an utterance of conversational language understanding, whose text is in the export."""
    if not isinstance(each, Mapping) or not isinstance(each.get("text"), str):
        raise where.error(f"no text in {short(each)}", '{"text": ..., "entities": [...]}')
    record = Record(where.file, where.line, each["text"], meta={})
    for key, name in (("intent", "intent"), ("dataset", "split")):
        if isinstance(each.get(key), str) and each[key]:
            record.meta[name] = each[key]
    record.meta |= group_of(each, options)
    units = OffsetMap(each["text"])
    for entity in each.get("entities") or ():
        start, end = _place(entity, units, utf16, where)
        label = _label(entity, [], where)
        record.spans.append(SpanRecord(start, end, options.labels.get(label, label)))
    return record


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
    "Azure AI Language: custom NER export beside its texts, conversations (CLU)",
    (".json",),
    _sniff_azure,
    _read_azure,
    example=_EXAMPLE,
)
