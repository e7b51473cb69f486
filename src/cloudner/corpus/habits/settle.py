"""The first records of a file looked at together, before any of them is passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from cloudner.corpus.contract import ReadOptions, Record
from cloudner.corpus.habits import labels, offsets, outside, word_pieces

_RECORDS = 512
_CHARACTERS = 2_000_000
# Changes a record in place.
Fix = Callable[[Record], None]


def settled(records: Iterable[Record], format_name: str, options: ReadOptions) -> Iterator[Record]:
    """The records of one file, with what it means by all of them: empty tags for O, B- and I- labels on spans, word
    pieces for words, offsets in other units. What is changed is told in the notes of the first record it concerns."""
    iterator = iter(records)
    first: list[Record] = []
    size = 0
    for record in iterator:
        first.append(record)
        size += len(record.text or "") + 6 * len(record.tokens or ())
        if len(first) >= _RECORDS or size >= _CHARACTERS:
            break
    fixes: list[Fix] = []
    for look in (word_pieces.look, outside.look, labels.look, offsets.look):
        fix = look(first, format_name, options)
        if fix is not None:
            fixes.append(fix)
    for number, record in enumerate(chain(first, iterator), start=1):
        record.number = number
        for fix in fixes:
            fix(record)
        yield record
