"""tagtog: `x.ann.json`, `x.plain.html` and `annotations-legend.json`."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.files.names import base_name, unpacked
from cloudner.corpus.formats.json.objects import only_object
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.spans import Where, offset
from cloudner.errors import InputError


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


def _read_tagtog(source: Source, options: ReadOptions) -> Iterator[Record]:
    item = only_object(source, "a tagtog ann.json")
    page = source.sibling(".plain.html") or source.neighbour(_stem(source.name) + ".plain.html")
    if page is None:
        raise InputError(
            f"its text, {_stem(source.name)}.plain.html, is not there",
            file=source.name,
            expected="the .plain.html of tagtog's export beside it",
            fix="unpack the whole export and give its folder",
        )
    legend_file = source.neighbour("annotations-legend.json")
    legend = only_object(legend_file, "class ids and names") if legend_file is not None else {}
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
    return unpacked(base_name(name)).removesuffix(".ann.json").removesuffix(".json")


_EXAMPLE = {
    "curie.ann.json": """{"annotatable": {"parts": ["s1v1"]}, "anncomplete": true, "entities": [
  {"classId": "e_1", "part": "s1v1", "offsets": [{"start": 0, "text": "Marie Curie"}]},
  {"classId": "e_2", "part": "s1v1", "offsets": [{"start": 24, "text": "Warsaw"}]}
], "relations": []}
""",
    "curie.plain.html": '<!DOCTYPE html><html><body><article><p id="s1v1">Marie Curie was born in Warsaw.</p></article></body></html>\n',
    "annotations-legend.json": '{"e_1": "PER", "e_2": "LOC"}\n',
}
TAGTOG = Format(
    "tagtog",
    "tagtog's ann.json beside its plain.html",
    (".ann.json",),
    _sniff_tagtog,
    _read_tagtog,
    example=_EXAMPLE,
)
