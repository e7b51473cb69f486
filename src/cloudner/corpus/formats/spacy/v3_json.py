"""spaCy v3 `Doc.to_json`, `{"text": ..., "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": [...]}`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, text_of
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.spans import Where, label_of, offset, text_and_spans
from cloudner.corpus.formats.words import Ids, refuse_missing, spaces_in


def _sniff_v3(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:3] if seen else ():
        if (
            isinstance(item, dict)
            and isinstance(item.get("text"), str)
            and "ents" in item
            and "tokens" in item
        ):
            return Match(0.97, "text, ents and tokens (spaCy's Doc.to_json)")
    return None


def _spans(given: Any, options: ReadOptions, where: Where) -> list[SpanRecord]:
    return [
        SpanRecord(
            offset(e.get("start"), where),
            offset(e.get("end"), where),
            label_of(e.get("label"), options, where)[0],
        )
        for e in given or ()
    ]


def _read_v3(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where, ("text",))
        record = Record(
            source.name, line, text, _spans(item.get("ents"), options, where), meta=meta_of(item, options)
        )
        found = item.get("spans")
        groups = {name: group for name, group in found.items() if group} if isinstance(found, dict) else {}
        if options.spans in groups:  # in place of the entities, which are then those that do not overlap
            ents, record.spans = record.spans, _spans(groups.pop(options.spans), options, where)
            if lost := len(set(ents) - set(record.spans)):
                done = f"{lost} of ents that are not in the spans of {options.spans} left out"
                record.notes.append(("unsupported", "dropped", done))
        for name, group in groups.items():
            done = f"{len(group)} spans of {name} left out; --spans {name} keeps them"
            record.notes.append(("unsupported", "noted", done))
        given = item.get("tokens")
        if (
            isinstance(given, list)
            and given
            and all(isinstance(t, dict) and "start" in t and "end" in t for t in given)
        ):
            words = [text[t["start"] : t["end"]] for t in given]
            spaces = spaces_in(text, words)
            if spaces is not None and all(words):
                record.tokens, record.spaces = words, spaces
                firsts = {s.get("start") for s in item.get("sents") or () if isinstance(s, dict)}
                record.sent_starts = [i for i, t in enumerate(given) if t["start"] in firsts] or None
        yield record


def _write_v3(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    ids = Ids()
    for number, record in enumerate(records):
        refuse_missing(record, "spacy-v3-json")
        text, spans = text_and_spans(record)
        tokens, at = [], 0
        words = record.tokens or []
        for index, (word, space) in enumerate(zip(words, record.spaces or [True] * len(words), strict=True)):
            tokens.append({"id": index, "start": at, "end": at + len(word)})
            at += len(word) + bool(space)
        item: dict[str, Any] = {
            **({"id": ids.of(record, number)} if "id" in record.meta else {}),
            "text": text,
            "ents": [{"start": s.start, "end": s.end, "label": s.label} for s in spans],
            "tokens": tokens,
        }
        if record.sent_starts and tokens:
            bounds = [*record.sent_starts, len(tokens)]
            item["sents"] = [
                {"start": tokens[a]["start"], "end": tokens[b - 1]["end"]}
                for a, b in itertools.pairwise(bounds)
            ]
        stream.write((",\n" if number else "\n") + json.dumps(item, ensure_ascii=False))
    stream.write("\n]\n")


V3_JSON = Format(
    "spacy-v3-json", "spaCy v3 Doc.to_json (text, ents, tokens)", (".json",), _sniff_v3, _read_v3, _write_v3
)
