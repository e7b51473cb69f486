"""How a file counts its offsets: as the user says, or as many of its spans agree.

Without stored words only the edges of words can tell. One document proves nothing: under some other count its spans
fall on words by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cloudner.corpus.align.offsets import UNITS, OffsetMap
from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.errors import ConfigError

COUNTS = ("auto", "characters", "inclusive", "utf16", "bytes", "one-based")
_UNIT = {"utf16": "offsets-utf16", "bytes": "offsets-bytes"}
# Spans that must fall on words under another count, and on none under the plain one, before it is believed. Starts
# that move are hard to hit by chance; an end one further is not.
_MOVED_UNITS, _MOVED_ENDS = 3, 10
# Scripts without spaces between words, and Korean, whose words end in particles: their edges say nothing.
_NO_EDGES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")


def look(first: Sequence[Record], format_name: str, options: ReadOptions) -> Callable[[Record], None] | None:
    """What counts anew, or None. Raises ConfigError for a count that does not exist."""
    count = options.offsets
    if count not in COUNTS:
        raise ConfigError(f"offsets={count!r}", expected="one of " + ", ".join(COUNTS), fix="--offsets auto")
    if count == "characters":
        return _trusted
    if count != "auto":
        return lambda record: _given(record, count)
    results = _agreed([record for record in first if _by_text(record)])
    return None if results is None else lambda record: _recount(record, results)


def _by_text(record: Record) -> bool:
    """Is this a text with spans that have no words stored beside them?"""
    return record.text is not None and record.tokens is None and all(s.surface is None for s in record.spans)


def _moved(offsets: OffsetMap, span: SpanRecord, count: str) -> tuple[int, int] | None:
    """The span's start and end, counted otherwise; None where no character begins there."""
    if count == "inclusive":
        return span.start, span.end + 1
    if count == "one-based":
        return (span.start - 1, span.end) if span.start else None
    if count in UNITS:
        if not offsets.counts_otherwise(count):
            return span.start, span.end
        return offsets.spans(span.start, span.end, count)
    return span.start, span.end


def _fits(text: str, start: int, end: int) -> bool:
    """Are both edges edges of words, as far as spaces tell?"""
    if not 0 <= start < end <= len(text) or text[start].isspace() or text[end - 1].isspace():
        return False
    return not any(0 < at < len(text) and _joined(text[at - 1], text[at]) for at in (start, end))


def _joined(before: str, after: str) -> bool:
    return before.isalnum() and after.isalnum() and not _NO_EDGES.search(before + after)


def _agreed(records: Sequence[Record]) -> str | None:
    """The count under which all moved spans of the file fall on words, where many did not; None: characters."""
    maps = [(OffsetMap(record.text or ""), record) for record in records if record.spans]
    if all(_fits(o.text, span.start, span.end) for o, record in maps for span in record.spans):
        return None
    for count in (*UNITS, "inclusive", "one-based"):
        by_ends = count in ("inclusive", "one-based")
        better = worse = odd = 0
        for offsets, record in maps:
            if by_ends and _NO_EDGES.search(offsets.text):
                continue
            for span in record.spans:
                moved = _moved(offsets, span, count)
                if moved == (span.start, span.end):
                    continue
                # Without spaces offsets in bytes still lie behind the text as characters, and characters' cut bytes.
                fits, fitted = (
                    moved is not None and _fits(offsets.text, *moved),
                    _fits(offsets.text, *span[:2]),
                )
                worse += fitted and not fits
                odd += not fits
                # a start that stays is no proof: every count begins at 0
                better += fits and not fitted and (by_ends or moved is None or moved[0] != span.start)
        if not worse and better >= (_MOVED_ENDS if by_ends else _MOVED_UNITS) and 20 * odd <= better:
            return count
    return None


def _recount(record: Record, count: str) -> None:
    if not record.spans or not _by_text(record):
        return
    offsets = OffsetMap(record.text or "")
    merged = []
    for span in record.spans:
        moved = _moved(offsets, span, count)
        merged.append(span if moved is None else span._replace(start=moved[0], end=moved[1]))
    changed = sum(new != old for new, old in zip(merged, record.spans, strict=True))
    if changed:
        cause = "offsets-crlf" if count.startswith("crlf") else _CAUSES.get(count, count)
        done = f"{changed} spans counted anew, as all of the file's then fall on words; --offsets characters keeps them"
        record.notes.append((cause, "repaired", done))
        record.spans = merged


_CAUSES = {"inclusive": "offsets-inclusive", "one-based": "offsets-one-based"}


def _given(record: Record, count: str) -> None:
    """As the user says: no stored words are asked, those that are not at the new offsets are counted."""
    if record.text is None or not record.spans:
        return
    offsets = OffsetMap(record.text)
    merged = []
    lost = 0
    for span in record.spans:
        moved = _moved(offsets, span, _UNIT.get(count, count))
        lost += moved is None
        merged.append(span if moved is None else span._replace(start=moved[0], end=moved[1]))
    record.spans = merged
    if lost:
        done = f"{lost} offsets at which no character begins, counted as {count}: kept as characters"
        record.notes.append(("surface-mismatch", "noted", done))
    _trusted(record)


def _trusted(record: Record) -> None:
    """Takes the stored words away, having counted those that are not there."""
    if record.text is None:
        return
    text = record.text
    odd = sum(s.surface is not None and text[s.start : s.end] != s.surface for s in record.spans)
    if odd:
        record.notes.append(
            ("surface-mismatch", "noted", f"{odd} stored texts are not at the offsets as given")
        )
    record.spans = [span._replace(surface=None) for span in record.spans]
