"""Exports whose annotations and texts are in different files: tagtog, Azure AI Language, Amazon Comprehend."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from cloudner.corpus.formats._json import peek, values
from cloudner.corpus.formats._spans import Where, offset, short
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.offsets import OffsetMap
from cloudner.corpus.records import Record, SpanRecord
from cloudner.errors import InputError


def _object(source: Any, what: str) -> dict[str, Any]:
    value = next(iter(values(source)), (1, None))[1]
    if not isinstance(value, dict):
        raise InputError(f"{short(value)} is not an object", file=source.name, line=1, expected=what)
    return value


def _neighbour(source: Any, name: str, what: str) -> Any:
    found = source.neighbour(name)
    if found is None:
        raise InputError(
            f"the text {name!r} that it names is not beside it",
            file=source.name,
            expected=what,
            fix=f"put {name} into the same folder",
        )
    return found


# tagtog: x.ann.json, x.plain.html and annotations-legend.json


class _Parts(HTMLParser):
    """The text of every element that has an id."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("br", "hr", "img", "meta", "link", "input"):
            return
        self._open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                return

    def handle_data(self, data: str) -> None:
        for _, name in reversed(self._open):
            if name:
                self.texts[name] = self.texts.get(name, "") + data
                return


def _sniff_tagtog(sample: Sample) -> Match | None:
    seen = peek(sample)
    item = seen.items[0] if seen and seen.items else None
    if isinstance(item, dict) and "annotatable" in item and "entities" in item:
        return Match(0.99, "annotatable parts and entities (tagtog)")
    return None


def _read_tagtog(source: Any, options: ReadOptions) -> Iterator[Record]:
    item = _object(source, "a tagtog ann.json")
    page = source.sibling(".plain.html") or source.neighbour(_stem(source.name) + ".plain.html")
    if page is None:
        raise InputError(
            f"its text, {_stem(source.name)}.plain.html, is not there",
            file=source.name,
            expected="the .plain.html of tagtog's export beside it",
            fix="unpack the whole export and give its folder",
        )
    legend_file = source.neighbour("annotations-legend.json")
    legend = _object(legend_file, "class ids and names") if legend_file is not None else {}
    parser = _Parts()
    parser.feed(page.text())
    parts = [
        part
        for part in (item["annotatable"] or {}).get("parts") or list(parser.texts)
        if part in parser.texts
    ]
    begins: dict[str, int] = {}
    text = ""
    for part in parts:
        if text:
            text += "\n"
        begins[part] = len(text)
        text += parser.texts[part]
    record = Record(source.name, 1, text, complete=item.get("anncomplete", True) is not False)
    record.meta["id"] = _stem(source.name)
    for entity in item["entities"]:
        where = Where(source.name, 1, "entity")
        places = entity.get("offsets") or []
        if entity.get("part") not in begins or not places:
            record.notes.append(
                (
                    "outside-text",
                    "dropped",
                    f"an entity in the part {entity.get('part')!r}, which has no text",
                )
            )
            continue
        name = str(entity.get("classId"))
        label = options.labels.get(name, str(legend.get(name, name)))
        base = begins[entity["part"]]
        start = base + offset(places[0].get("start"), where)
        last = places[-1]
        surface = places[0].get("text")
        if len(places) > 1:
            record.notes.append(
                ("unsupported", "changed", f"a {label} in {len(places)} pieces: taken from first to last")
            )
            surface = None
        end = base + offset(last.get("start"), where) + len(last.get("text") or "")
        record.spans.append(SpanRecord(start, end, label, surface))
    if item.get("relations"):
        record.notes.append(("unsupported", "noted", f"{len(item['relations'])} relations left out"))
    yield record


def _stem(name: str) -> str:
    return (
        name.replace("\\", "/")
        .rsplit("/", 1)[-1]
        .rsplit("!", 1)[-1]
        .removesuffix(".ann.json")
        .removesuffix(".json")
    )


# Azure AI Language, custom named entity recognition


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


def _read_azure(source: Any, options: ReadOptions) -> Iterator[Record]:
    item = _object(source, "an Azure project export")
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
        text = _neighbour(source, location, "the documents of the project beside the export").text()
        units = OffsetMap(text)
        record = Record(location, 1, text, meta={"id": location})
        if document.get("dataset"):
            record.meta["split"] = document["dataset"]
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


# Amazon Comprehend: a CSV of File, Line, Begin Offset, End Offset, Type beside texts with one document a line


def _sniff_comprehend(sample: Sample) -> Match | None:
    head = sample.lines[0].lower().replace('"', "") if sample.lines else ""
    cells = [cell.strip() for cell in head.split(",")]
    if {"file", "line", "begin offset", "end offset", "type"} <= set(cells):
        return Match(0.98, "File, Line, Begin Offset, End Offset, Type (Comprehend)")
    return None


def _read_comprehend(source: Any, options: ReadOptions) -> Iterator[Record]:
    found: dict[str, dict[int, list[SpanRecord]]] = {}
    with source.open_text(newline="") as stream:
        for row in csv.DictReader(stream):
            cells = {
                (key or "").strip().lower(): value
                for key, value in row.items()
                if not isinstance(value, list)
            }
            where = Where(source.name, 1, "row")
            if any(not cells.get(key) for key in ("file", "line", "begin offset", "end offset", "type")):
                raise where.error(
                    f"a row without all cells: {short(cells)}", "File,Line,Begin Offset,End Offset,Type"
                )
            label = str(cells["type"])
            span = SpanRecord(
                offset(cells["begin offset"], where),
                offset(cells["end offset"], where),
                options.labels.get(label, label),
            )
            found.setdefault(str(cells["file"]), {}).setdefault(offset(cells["line"], where), []).append(span)
    if not found:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one annotation a row")
    for name, by_line in found.items():
        text = _neighbour(source, name, "the documents that the annotations belong to, beside them")
        last = -1
        for number, line in text.lines():
            last = number - 1
            yield Record(text.name, number, line, by_line.get(number - 1, []))
        for number in sorted(n for n in by_line if n > last):
            record = Record(text.name, number + 1, "", by_line[number])
            yield record


TAGTOG = Format(
    "tagtog", "tagtog's ann.json beside its plain.html", (".ann.json",), _sniff_tagtog, _read_tagtog
)
AZURE = Format(
    "azure", "Azure AI Language custom NER export beside its texts", (".json",), _sniff_azure, _read_azure
)
COMPREHEND = Format(
    "comprehend",
    "Amazon Comprehend annotations CSV beside its texts",
    (".csv",),
    _sniff_comprehend,
    _read_comprehend,
)
