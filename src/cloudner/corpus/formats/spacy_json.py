"""spaCy's text formats: v2 training tuples (Python or JSON), the v2 JSON of `spacy convert`, v3's `Doc.to_json`."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.formats._json import peek, values
from cloudner.corpus.formats._objects import meta_of, objects, text_of
from cloudner.corpus.formats._python_pairs import TUPLE, python_pairs
from cloudner.corpus.formats._spans import Where, label_of, offset, short, spans_of, text_and_spans
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record, SpanRecord

# (text, {"entities": [...]}) as JSON, Python source, or {"classes": ..., "annotations": [...]}


def _is_tuple(item: Any) -> bool:
    return (
        isinstance(item, (list, tuple))
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], (dict, list))
        and (not isinstance(item[1], dict) or "entities" in item[1] or not item[1])
    )


def _sniff_tuples(sample: Sample) -> Match | None:
    seen = peek(sample)
    if seen is not None:
        for item in seen.items[:3]:
            if _is_tuple(item):
                return Match(0.95, "pairs of a text and its entities")
            if isinstance(item, dict) and isinstance(item.get("annotations"), list):
                pairs = [pair for pair in item["annotations"] if pair is not None]
                if pairs and _is_tuple(pairs[0]):
                    return Match(0.96, "annotations as pairs of a text and its entities")
        # Python tuples in brackets may begin like JSON without being it.
    head = sample.text[:4000].lstrip()
    python = re.match(r"[\[(]|#|import |from ", head) or re.search(
        r"^[A-Za-z_]\w*\s*(:[^=\n]*)?=\s*[\[(]", head, re.MULTILINE
    )
    named = "entities" in head or re.search(r"['\"]\s*,\s*\[\s*\(\s*\d+\s*,\s*\d+\s*,\s*['\"]", head)
    if python and named and re.search(r"\(\s*[rfu]?['\"]", head):
        return Match(0.9, "Python tuples of a text and its entities")
    return None


def _read_tuples(source: Any, options: ReadOptions) -> Iterator[Record]:
    if peek(source.sample()) is not None and not _python_only(source.sample()):
        stream = values(source)
    else:
        stream = python_pairs(source)
    for line, value in stream:
        pairs: Iterable[Any] = [value]
        if isinstance(value, dict):
            if not isinstance(value.get("annotations"), list):
                raise Where(source.name, line, "file").error("no annotations in the object", TUPLE)
            pairs = value["annotations"]
        for pair in pairs:
            if pair is None:  # the browser annotator leaves these for skipped texts
                continue
            where = Where(source.name, line, "example")
            if not isinstance(pair, (list, tuple)) or len(pair) < 2 or not isinstance(pair[0], str):
                raise where.error(f"{short(pair)} is not a pair of text and annotations", TUPLE)
            text, annotations = pair[0], pair[1]
            entities = annotations.get("entities") if isinstance(annotations, dict) else annotations
            record = Record(source.name, line, text)
            if isinstance(annotations, dict) and annotations and "entities" not in annotations:
                record.complete = False  # annotated for something else
            elif (
                isinstance(entities, (list, tuple))
                and entities
                and all(tag is None or isinstance(tag, str) for tag in entities)
            ):
                record.tokens, record.tags = text.split(" "), list(entities)
                record.text = None
            else:
                record.spans = spans_of(entities, options, where)
            yield record


def _python_only(sample: Sample) -> bool:
    seen = peek(sample)
    return seen is None or not seen.items or not (_is_tuple(seen.items[0]) or isinstance(seen.items[0], dict))


def _write_tuples(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    for number, record in enumerate(records):
        text, spans = text_and_spans(record)
        pair = [text, {"entities": [[s.start, s.end, s.label] for s in spans]}]
        stream.write((",\n" if number else "\n") + json.dumps(pair, ensure_ascii=False))
    stream.write("\n]\n")


# [{"id": 0, "paragraphs": [{"raw": ..., "sentences": [{"tokens": [{"orth": ..., "ner": ...}]}]}]}]


def _sniff_v2(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:1] if seen else ():
        if isinstance(item, dict) and isinstance(item.get("paragraphs"), list):
            return Match(0.98, "paragraphs with sentences (spaCy v2 training JSON)")
    return None


def _read_v2(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, document in objects(source):
        where = Where(source.name, line, "document")
        paragraphs = document.get("paragraphs")
        if not isinstance(paragraphs, list):
            raise where.error("no list of paragraphs", '{"id": 0, "paragraphs": [{"sentences": [...]}]}')
        for paragraph in paragraphs:
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
                    yield _raw_paragraph(source, line, paragraph, options, where)
                    continue
                raise where.error(
                    f"a paragraph without {error}", "sentences of tokens with orth and ner"
                ) from None
            if not words and isinstance(paragraph.get("raw"), str):
                yield _raw_paragraph(source, line, paragraph, options, where)
                continue
            record = Record(source.name, line, tokens=words, tags=tags, sent_starts=starts)
            raw = paragraph.get("raw")
            if isinstance(raw, str):
                record.spaces = _spaces(raw, words)
                if record.spaces is None:
                    record.notes.append(
                        ("surface-mismatch", "noted", "the tokens are not those of raw: kept the tokens")
                    )
            if document.get("id") not in (None, 0):
                record.meta["id"] = document["id"]
            yield record


def _raw_paragraph(
    source: Any, line: int, paragraph: dict[str, Any], options: ReadOptions, where: Where
) -> Record:
    entities = paragraph.get("entities")
    spans = spans_of(entities, options, where) if entities else []
    return Record(source.name, line, paragraph["raw"], spans, complete=entities is not None)


def _spaces(raw: str, words: list[str]) -> list[bool] | None:
    """Which words a single space follows in the raw text; None where they do not make up that text."""
    at, spaces = 0, []
    for word in words:
        if not raw.startswith(word, at):
            return None
        at += len(word)
        space = raw[at : at + 1] == " "
        spaces.append(space)
        at += space
    return spaces if at == len(raw) else None


def _write_v2(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
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
            + json.dumps({"id": number, "paragraphs": [paragraph]}, ensure_ascii=False)
        )
    stream.write("\n]\n")


def _biluo(tags: list[str]) -> list[str]:
    from spacy.training import iob_to_biluo

    return list(iob_to_biluo(tags))


# {"text": ..., "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": [...]}


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


def _read_v3(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where, ("text",))
        spans = [
            SpanRecord(
                offset(e.get("start"), where),
                offset(e.get("end"), where),
                label_of(e.get("label"), options, where)[0],
            )
            for e in item.get("ents") or ()
        ]
        record = Record(source.name, line, text, spans, meta=meta_of(item, options))
        groups = item.get("spans")
        if isinstance(groups, dict) and any(groups.values()):
            done = (
                f"{sum(map(len, groups.values()))} spans of {', '.join(groups)} left out, only ents are read"
            )
            record.notes.append(("unsupported", "noted", done))
        given = item.get("tokens")
        if (
            isinstance(given, list)
            and given
            and all(isinstance(t, dict) and "start" in t and "end" in t for t in given)
        ):
            words = [text[t["start"] : t["end"]] for t in given]
            spaces = _spaces(text, words)
            if spaces is not None and all(words):
                record.tokens, record.spaces = words, spaces
                firsts = {s.get("start") for s in item.get("sents") or () if isinstance(s, dict)}
                record.sent_starts = [i for i, t in enumerate(given) if t["start"] in firsts] or None
        yield record


def _write_v3(records: Iterable[Record], stream: IO[str]) -> None:
    stream.write("[")
    for number, record in enumerate(records):
        text, spans = text_and_spans(record)
        tokens, at = [], 0
        words = record.tokens or []
        for index, (word, space) in enumerate(zip(words, record.spaces or [True] * len(words), strict=True)):
            tokens.append({"id": index, "start": at, "end": at + len(word)})
            at += len(word) + bool(space)
        item: dict[str, Any] = {
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


TUPLES = Format(
    "spacy-tuples", "spaCy v2 training tuples (TRAIN_DATA) as JSON or Python", (".json", ".py"), _sniff_tuples,
    _read_tuples, _write_tuples,
)  # fmt: skip
V2_JSON = Format(
    "spacy-v2-json",
    "spaCy v2 training JSON (paragraphs, sentences, tokens)",
    (".json",),
    _sniff_v2,
    _read_v2,
    _write_v2,
)
V3_JSON = Format(
    "spacy-v3-json", "spaCy v3 Doc.to_json (text, ents, tokens)", (".json",), _sniff_v3, _read_v3, _write_v3
)
