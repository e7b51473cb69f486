"""Documents that several people annotated: whose annotation is read, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord


def choose(record: Record, results: Sequence[tuple[str, list[SpanRecord]]], options: ReadOptions) -> None:
    """Gives the record the spans of one annotator: of `options.annotator`, else of the first.

    results: names and spans, the preferred first. Without any the record is not annotated.
    """
    if options.annotator is not None:
        mine = next((spans for name, spans in results if name == options.annotator), None)
        if mine is None:
            record.complete = False
            if results:
                names = ", ".join(name for name, _ in results)
                record.notes.append(
                    ("rejected", "noted", f"not annotated by {options.annotator}, but by {names}")
                )
            return
        record.spans = mine
        return
    if not results:
        record.complete = False
        return
    record.spans = results[0][1]
    if len(results) > 1:
        record.notes.append(("several-annotators", "noted", _agreement(results)))


def _agreement(results: Sequence[tuple[str, list[SpanRecord]]]) -> str:
    sets = [{(span.start, span.end, span.label) for span in spans} for _, spans in results]
    union, common = set[tuple[int, int, str]]().union(*sets), set.intersection(*sets)
    names = ", ".join(name for name, _ in results)
    alike = f"agree on {len(common)} of {len(union)} spans" if union else "agree that there is no entity"
    return f"{len(results)} annotators ({names}) {alike}: took {results[0][0]}; --annotator {results[1][0]} takes the other"
