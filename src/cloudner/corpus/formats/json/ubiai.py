"""UBIAI's JSON export."""

from __future__ import annotations

from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.spans import Where, label_of, offset


def _sniff_ubiai(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("document"), str) and (
            "documentName" in item
            or isinstance(item.get("tokens"), list)
            or isinstance(item.get("annotation"), list)
        ):
            return Match(0.95, "document with tokens or annotation (UBIAI)")
    return None


def _read_ubiai(source: Source, options: ReadOptions) -> Iterator[Record]:
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


_EXAMPLE = """[{"documentName": "curie.txt", "document": "Marie Curie was born in Warsaw.", "tokens": [
  {"text": "Marie Curie", "start": 0, "end": 11, "token_start": 0, "token_end": 1, "entityLabel": "PER"},
  {"text": "Warsaw", "start": 24, "end": 30, "token_start": 5, "token_end": 5, "entityLabel": "LOC"}
], "relations": []}]
"""
UBIAI = Format(
    "ubiai",
    "UBIAI's JSON export",
    (".json",),
    _sniff_ubiai,
    _read_ubiai,
    example=_EXAMPLE,
)
