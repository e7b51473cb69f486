"""spaCy's `Example.to_dict`: `doc_annotation` with a tag for each token of `token_annotation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import objects, some_objects
from cloudner.corpus.formats.spans import Where, short

_SHAPE = '{"doc_annotation": {"entities": ["U-PER"]}, "token_annotation": {"ORTH": ["Ann"], "SPACY": [true]}}'


def _parts(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any], list[Any]] | None:
    """Annotation of the document and of the tokens, and the words."""
    doc, tokens = item.get("doc_annotation"), item.get("token_annotation")
    if not isinstance(doc, Mapping) or not isinstance(tokens, Mapping):
        return None
    words = tokens.get("ORTH", tokens.get("words"))
    return (doc, tokens, words) if isinstance(words, list) else None


def _sniff(sample: Sample) -> Match | None:
    if any(_parts(item) for item in some_objects(sample)):
        return Match(0.98, "doc_annotation and token_annotation (spaCy's Example.to_dict)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "example")
        parts = _parts(item)
        if parts is None:
            raise where.error("no doc_annotation and token_annotation with ORTH", _SHAPE)
        doc, tokens, words = parts
        tags = doc.get("entities")
        if tags is None:
            tags = [None] * len(words)
        if (
            not isinstance(tags, list)
            or len(tags) != len(words)
            or not all(isinstance(w, str) for w in words)
        ):
            raise where.error(f"{len(words)} words and the entities {short(tags)}", _SHAPE)
        record = Record(source.name, line, tokens=list(words), tags=[tag or None for tag in tags])
        spaces = tokens.get("SPACY", tokens.get("spaces"))
        if isinstance(spaces, list) and len(spaces) == len(words):
            record.spaces = [bool(space) for space in spaces]
        starts = tokens.get("SENT_START", tokens.get("sent_starts"))
        if isinstance(starts, list) and any(start == 1 for start in starts):
            record.sent_starts = [i for i, start in enumerate(starts) if i == 0 or start == 1]
        spans = doc.get("spans")
        if isinstance(spans, Mapping) and any(spans.values()):
            count = sum(map(len, spans.values()))
            record.notes.append(("unsupported", "noted", f"{count} spans of {', '.join(spans)} left out"))
        yield record


_EXAMPLE = """[{"doc_annotation": {"entities": ["B-PER", "L-PER", "O", "O", "O", "U-LOC", "O"]}, "token_annotation": {
  "ORTH": ["Marie", "Curie", "was", "born", "in", "Warsaw", "."],
  "SPACY": [true, true, true, true, true, false, false]
}}]
"""
EXAMPLE = Format(
    "spacy-example-json",
    "spaCy's Example.to_dict as JSON",
    (".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
