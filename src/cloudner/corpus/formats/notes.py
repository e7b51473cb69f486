"""What several readers note on a record that it cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudner.corpus.contract import Record
from cloudner.corpus.formats.keys import META, TOKENS, label_key
from cloudner.corpus.formats.spans import is_spans

# What has a start and an end too, and is no entity.
_NO_SPANS = frozenset(
    (*META, *TOKENS, "relations", "events", "links", "arcs", "coreferences", "sents", "sentences")
)


def left_out(column: str, read: str, option: str = "tag") -> tuple[str, str, str]:
    """The note on a column that holds annotation too and is not the one that is read."""
    return (
        "unsupported",
        "noted",
        f"{column!r} holds {'tags' if option == 'tag' else 'spans'} too, {read!r} is read;"
        f" --{option}-column {column}",
    )


def mark_failed(record: Record, item: Mapping[str, Any], value: Any) -> None:
    """A row of `cloudner annotate` whose document failed has an `error` in place of entities: that nothing is known of it is
    not that it has none. value: the row's entities."""
    error = item.get("error")
    if value is None and isinstance(error, str) and error:
        record.complete = False
        record.notes.append(
            ("rejected", "noted", f"it could not be annotated ({error[:60]}): kept as unannotated")
        )


def note_missing(record: Record, value: Any) -> None:
    """A missing value in place of entities is read as none of them, and told: it may be a text that nobody has annotated.
    "null" in a table's cell is what `convert` writes for such a text."""
    cell = value.strip() if isinstance(value, str) else None
    if cell == "null":
        record.complete = False
    if (
        record.text
        and record.complete
        and (value is None or (cell is not None and cell.lower() in ("", "nan", "none")))
    ):
        record.notes.append(("no-value", "noted", "taken for a text without entities"))


def further_spans(item: Mapping[str, Any], read: str | None) -> list[str]:
    """The keys of an object that hold spans with labels, beside the one that is read."""
    return [
        key
        for key, value in item.items()
        if key != read and key not in _NO_SPANS and is_spans(value) and _labelled(value)
    ]


def _labelled(value: Any) -> bool:
    first = value[0] if isinstance(value, list) else None
    if isinstance(first, Mapping):
        return label_key(first) is not None
    return first is None or any(isinstance(part, str) and not part.isdigit() for part in first)
