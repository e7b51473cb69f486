"""`--n-sents`: sentences of token-based records grouped into documents of so many sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloudner.corpus.contract import Record


def regroup(records: Iterable[Record], n_sents: int) -> Iterator[Record]:
    """Records of at most `n_sents` sentences.

    A record of several sentences is cut into groups; records of one sentence are joined with their neighbours as
    long as they come from one file and one document (`meta["doc_id"]`, `meta["group"]`). Records of running text
    pass unchanged.
    """
    held: list[Record] = []
    for record in records:
        if record.tokens is None or record.tags is None or record.negative:
            yield from _join(held)
            held = []
            yield record
            continue
        starts = record.sent_starts or [0]
        if len(starts) > 1:
            yield from _join(held)
            held = []
            yield from _cut(record, starts, n_sents)
            continue
        if held and (_document(held[0]) != _document(record) or len(held) >= n_sents):
            yield from _join(held)
            held = []
        held.append(record)
    yield from _join(held)


def _document(record: Record) -> tuple[object, ...]:
    meta = record.meta
    return record.file, meta.get("doc_id"), meta.get("group"), record.complete, record.spaces is None


def _cut(record: Record, starts: list[int], n_sents: int) -> Iterator[Record]:
    tokens, tags = record.tokens or [], record.tags or []
    for first in range(0, len(starts), n_sents):
        a = starts[first]
        b = starts[first + n_sents] if first + n_sents < len(starts) else len(tokens)
        yield Record(
            record.file,
            record.line,
            tokens=tokens[a:b],
            tags=tags[a:b],
            spaces=None if record.spaces is None else record.spaces[a:b],
            sent_starts=[s - a for s in starts[first : first + n_sents]],
            complete=record.complete,
            meta=dict(record.meta),
        )


def _join(held: list[Record]) -> Iterator[Record]:
    if not held:
        return
    first = held[0]
    tokens: list[str] = []
    tags: list[str | None] = []
    spaces: list[bool] | None = None if first.spaces is None else []
    starts = []
    for record in held:
        starts.append(len(tokens))
        tokens.extend(record.tokens or ())
        tags.extend(record.tags or ())
        if spaces is not None:
            if spaces:
                spaces[-1] = True  # a space between sentences
            spaces.extend(record.spaces or ())
    yield Record(
        first.file,
        first.line,
        tokens=tokens,
        tags=tags,
        spaces=spaces,
        sent_starts=starts,
        complete=first.complete,
        meta=dict(first.meta),
    )
