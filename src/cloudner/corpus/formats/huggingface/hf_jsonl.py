"""JSON lines with tokens and numbered tags, as Hugging Face data sets have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.align.tag_shapes import UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.huggingface.class_names import Names, class_names, names_beside
from cloudner.corpus.formats.huggingface.rows import key_of, records_of_rows, tag_key_of
from cloudner.corpus.formats.huggingface.text_rows import with_tokens
from cloudner.corpus.formats.json.objects import objects, some_objects
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.keys import TOKENS
from cloudner.corpus.formats.words import unused


def _sniff_json(sample: Sample) -> Match | None:
    for item in some_objects(sample)[:5]:
        if isinstance(item, dict):
            item = with_tokens(item)
            tokens = key_of(item, TOKENS)
            if tokens and item[tokens] and all(t is None or isinstance(t, str) for t in item[tokens]):
                tags = tag_key_of(item, tokens)
                if tags:
                    return Match(0.95, f"rows with {tokens!r} and {tags!r} of equal length")
    return None


def _around(sample: Sample) -> Names | None:
    """Names from the `features` that the viewer of data sets writes around its rows."""
    seen = peek(sample)
    tree = seen.items[0] if seen and seen.items and isinstance(seen.items[0], dict) else {}
    features = tree.get("features")
    if not isinstance(features, list):
        return None
    return class_names({f.get("name"): f.get("type") for f in features if isinstance(f, dict)})


def _read_json(source: Source, options: ReadOptions) -> Iterator[Record]:
    names = _around(source.sample()) or names_beside(source)
    rows = objects(source)
    if options.token_column is None:
        rows = ((line, with_tokens(item)) for line, item in rows)
    yield from records_of_rows(rows, names, source.name, options)


def _write_json(records: Iterable[Record], stream: IO[str]) -> None:
    used: set[str] = set()
    for number, record in enumerate(records):
        row = {
            "id": unused(str(record.meta.get("id", number)), number, used),
            "tokens": record.tokens or [],
            "ner_tags": [tag or UNKNOWN for tag in record.tags or ()],
        }
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


HF_JSON = Format(
    "hf-jsonl",
    "JSON lines with tokens and ner_tags",
    (".jsonl", ".json"),
    _sniff_json,
    _read_json,
    _write_json,
)
