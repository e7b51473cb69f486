"""Documents that several people annotated: whose annotation is read, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord


def choose(record: Record, found: Sequence[tuple[str, list[SpanRecord]]], options: ReadOptions) -> None:
    """Gives the record the spans of one annotator: of `options.annotator`, else of the first.

    found: names and spans, the preferred first. Without any the record is not annotated.
    """
    if options.annotator is not None:
        mine = next((spans for name, spans in found if name == options.annotator), None)
        if mine is None:
            record.complete = False
            if found:
                names = ", ".join(name for name, _ in found)
                record.notes.append(
                    ("rejected", "noted", f"not annotated by {options.annotator}, but by {names}")
                )
            return
        record.spans = mine
        return
    if not found:
        record.complete = False
        return
    record.spans = found[0][1]
    if len(found) > 1:
        record.notes.append(("several-annotators", "noted", _agreement(found)))


def _agreement(found: Sequence[tuple[str, list[SpanRecord]]]) -> str:
    sets = [{(span.start, span.end, span.label) for span in spans} for _, spans in found]
    union, common = set[tuple[int, int, str]]().union(*sets), set.intersection(*sets)
    names = ", ".join(name for name, _ in found)
    alike = f"agree on {len(common)} of {len(union)} spans" if union else "agree that there is no entity"
    return f"{len(found)} annotators ({names}) {alike}: took {found[0][0]}; --annotator {found[1][0]} takes the other"
