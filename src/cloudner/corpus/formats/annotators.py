"""What formats say of the people who annotated: several annotations in a record, names in rows, names in paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord


def choose(record: Record, results: Sequence[tuple[str, list[SpanRecord]]], options: ReadOptions) -> None:
    """Gives the record the spans of one annotator: of `options.annotator`, else of the first.

    results: names and spans, the preferred first. Without any the record is not annotated.
    """
    record.versions = list(results)
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


def named(value: Any) -> str | None:
    """A person as exports write one: a name, a number, or an object with an address or an id. None for anything else."""
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("username") or value.get("id")
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        return None
    return str(value)


def by_user(value: Any) -> dict[str, list[Any]]:
    """The annotations of a row by the `user` that each names; empty where one of them names none."""
    parts: dict[str, list[Any]] = {}
    for each in value if isinstance(value, list) else ():
        who = named(each.get("user")) if isinstance(each, Mapping) else None
        if who is None:
            return {}
        parts.setdefault(who, []).append(each)
    return parts


def apart(versions: Iterable[tuple[str, Sequence[SpanRecord]]]) -> bool:
    """Has one person marked what another has marked too, wholly or in part? People who share the work do not."""
    return any(
        a.start < b.end and b.start < a.end
        for (_, one), (_, other) in combinations(versions, 2)
        for a in one
        for b in other
    )


def share(record: Record, versions: Sequence[tuple[str, list[SpanRecord]]]) -> None:
    """Notes that the record holds the marks of several people who shared the work."""
    names = ", ".join(name for name, _ in versions)
    done = f"marks of {len(versions)} people ({names}), none over another's: taken as one annotation; --annotator {versions[0][0]} takes one's"
    record.notes.append(("several-annotators", "noted", done))


_PROJECT = re.compile(
    r"(?:^|[/!])(?:annotation|curation)/[^/!]+/([^/!]+)\.(?:tsv|xmi|json|xml)$", re.IGNORECASE
)


def in_project(name: str) -> str | None:
    """The person whose annotation a file of a WebAnno or INCEpTION project is: annotation/DOCUMENT/PERSON.tsv. None for
    files that lie elsewhere."""
    match = _PROJECT.search(name.replace("\\", "/"))
    return match[1] if match else None
