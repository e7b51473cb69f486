"""spaCy v2 training JSON, `[{"id": 0, "paragraphs": [{"raw": ..., "sentences": [{"tokens": [{"orth": ..., "ner": ...}]}]}]}]`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.align.tag_schemes import decode, detect_scheme, encode
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import group_of, objects
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.spans import Where, spans_of
from cloudner.corpus.formats.words import Ids, spaces_in


def _sniff_v2(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:1] if seen else ():
        if isinstance(item, dict) and isinstance(item.get("paragraphs"), list):
            return Match(0.98, "paragraphs with sentences (spaCy v2 training JSON)")
    return None


def _read_v2(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, document in objects(source):
        where = Where(source.name, line, "document")
        paragraphs = document.get("paragraphs")
        if not isinstance(paragraphs, list):
            raise where.error("no list of paragraphs", '{"id": 0, "paragraphs": [{"sentences": [...]}]}')
        for number, paragraph in enumerate(paragraphs, start=1):
            meta: dict[str, Any] = {}
            if document.get("id") not in (None, 0):
                # paragraphs become documents, each with an id of its own where they are not kept together by it
                own = len(paragraphs) > 1 and (options.group_by or "").lower() != "id"
                meta["id"] = f"{document['id']}:{number}" if own else document["id"]
            meta |= group_of(paragraph, options) if isinstance(paragraph, dict) else {}
            meta = group_of(document, options) | meta
            words: list[str] = []
            tags: list[str | None] = []
            starts: list[int] = []
            try:
                for sentence in paragraph["sentences"]:
                    tokens = sentence["tokens"]
                    if tokens:
                        starts.append(len(words))
                        words += [token["orth"] for token in tokens]
                        tags += [token.get("ner") for token in tokens]
            except (KeyError, TypeError, AttributeError) as error:
                if isinstance(paragraph, dict) and isinstance(paragraph.get("raw"), str):
                    yield _raw_paragraph(source, line, paragraph, options, meta)
                    continue
                raise where.error(
                    f"a paragraph without {error}", "sentences of tokens with orth and ner"
                ) from None
            if not words and isinstance(paragraph.get("raw"), str):
                yield _raw_paragraph(source, line, paragraph, options, meta)
                continue
            record = Record(source.name, line, tokens=words, tags=tags, sent_starts=starts, meta=meta)
            raw = paragraph.get("raw")
            if isinstance(raw, str):
                record.spaces = spaces_in(raw, words)
                if record.spaces is None:
                    record.notes.append(
                        ("surface-mismatch", "noted", "the tokens are not those of raw: kept the tokens")
                    )
            yield record


def _raw_paragraph(
    source: Source, line: int, paragraph: dict[str, Any], options: ReadOptions, meta: dict[str, Any]
) -> Record:
    entities = paragraph.get("entities")
    where = Where(source.name, line, "document", paragraph["raw"])
    spans = spans_of(entities, options, where) if entities else []
    return Record(source.name, line, paragraph["raw"], spans, complete=entities is not None, meta=meta)


def _write_v2(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    ids = Ids()
    for number, record in enumerate(records):
        words, tags = record.tokens or [], [tag if tag is not None else "-" for tag in record.tags or []]
        bounds = [*(record.sent_starts or [0]), len(words)]
        sentences = [
            {
                "tokens": [
                    {"id": i, "orth": word, "ner": tag}
                    for i, (word, tag) in enumerate(zip(words[a:b], _biluo(tags[a:b]), strict=True), start=a)
                ]
            }
            for a, b in itertools.pairwise(bounds)
        ]
        paragraph: dict[str, Any] = {"sentences": sentences}
        if record.spaces is not None and record.text is not None:
            paragraph = {"raw": record.text, **paragraph}
        stream.write(
            (",\n" if number else "\n")
            + json.dumps({"id": ids.of(record, number), "paragraphs": [paragraph]}, ensure_ascii=False)
        )
    stream.write("\n]\n")


def _biluo(tags: list[str]) -> list[str]:
    decoded = decode(tags, detect_scheme([tags]))
    return encode(len(tags), decoded.spans, "BILUO", decoded.missing)


V2_JSON = Format(
    "spacy-v2-json",
    "spaCy v2 training JSON (paragraphs, sentences, tokens)",
    (".json",),
    _sniff_v2,
    _read_v2,
    _write_v2,
)
