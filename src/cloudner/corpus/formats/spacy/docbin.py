"""spaCy's own `.spacy` files (DocBin)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord

if TYPE_CHECKING:
    from spacy.tokens import Doc

_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def _sniff(sample: Sample) -> Match | None:
    if sample.raw[:2] not in _ZLIB_HEADS:
        return None
    try:
        head = zlib.decompressobj().decompress(sample.raw, 200)
    except zlib.error:
        return None
    return Match(1.0, "a compressed DocBin") if b"version" in head and b"attrs" in head else None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    from spacy.vocab import Vocab

    from cloudner.corpus.docbin.load import docbin_docs

    for number, doc in enumerate(docbin_docs(source, Vocab()), start=1):
        tags: list[str | None] = [
            None
            if not token.ent_iob
            else "O"
            if token.ent_iob_ == "O"
            else f"{token.ent_iob_}-{token.ent_type_}"
            for token in doc
        ]
        meta = doc.user_data.get("meta")
        negative = [
            SpanRecord(span.start_char, span.end_char, span.label_)
            for span in (doc.spans.get("incorrect_spans", ()))
        ]
        starts = (
            [token.i for token in doc if token.is_sent_start] if doc.has_annotation("SENT_START") else None
        )
        record = Record(
            source.name,
            number,
            tokens=[token.text for token in doc],
            tags=tags,
            spaces=None if doc.has_unknown_spaces else [bool(token.whitespace_) for token in doc],
            sent_starts=starts,
            negative=negative,
            over_sentences=True,
            meta=dict(meta) if isinstance(meta, dict) else {},
        )
        if options.spans is not None and options.spans in doc.spans:
            _take_group(record, doc, options.spans)
        for name, group in doc.spans.items():
            if name not in ("incorrect_spans", options.spans) and len(group):
                record.notes.append(
                    (
                        "unsupported",
                        "dropped",
                        f"{len(group)} of doc.spans[{name!r}] left out; --spans {name} keeps them",
                    )
                )
        if options.group_by not in (None, "group"):
            record.meta.pop("group", None)  # of an earlier conversion, by whatever it was
        yield record


def _take_group(record: Record, doc: Doc, name: str) -> None:
    """The group's spans in place of the entities, which are then those of its spans that do not overlap."""
    group = doc.spans[name]
    known = {(span.start, span.end, span.label) for span in group}
    lost = sum((ent.start, ent.end, ent.label) not in known for ent in doc.ents)
    if lost:
        done = f"{lost} of doc.ents that are not in doc.spans[{name!r}] left out"
        record.notes.append(("unsupported", "dropped", done))
    record.text, record.tags = doc.text, None
    record.spans = [SpanRecord(span.start_char, span.end_char, span.label_) for span in group]


# Written by `convert` from arrays, without records: see `registry.can_write`.
SPACY = Format("spacy", "spaCy's binary corpus (.spacy, DocBin)", (".spacy",), _sniff, _read)
