"""The lists of rows in one tree: `{"data": [...]}`, or the parts of a data set, `{"train": [...], "test": [...]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cloudner.corpus.formats.keys import SPANS, TAGS, TEXT, TOKENS

_NAMES = (
    "data", "examples", "annotations_and_examples", "documents", "docs", "dataset", "items", "records", "rows", "samples", "texts", "utterances",
    "train", "training", "dev", "development", "validation", "valid", "val", "eval", "test", "testing",
)  # fmt: skip
_ROLES = frozenset((*TEXT, *TOKENS, *SPANS, *TAGS))
_TEXTS = frozenset((*TEXT, *TOKENS))
_LOOKED_AT = 50  # rows whose keys are compared

Row = dict[str, Any]


class RowLists(NamedTuple):
    """rows: those of all lists that hold the same kind of row, in the order of the tree. keys: where these lists are.
    others: the keys of lists of texts that are not read, because they lack what the rows of the first one have."""

    rows: list[Row]
    keys: list[str]
    others: list[str]

    @property
    def note(self) -> str | None:
        """What a user should know of it, or None of a single list."""
        named = ", ".join(map(repr, self.keys))
        read = f"the rows under {named} are read together" if len(self.keys) > 1 else f"only {named} is read"
        if self.others:
            return f"{read}; those under {', '.join(map(repr, self.others))} have other keys and are left out"
        return read if len(self.keys) > 1 else None


def row_lists(tree: Mapping[str, Any]) -> RowLists | None:
    """The rows in a tree that is not a row itself, each with its key as `split` where there are several lists; else None."""
    lists = {key: _rows(key, value, tree) for key, value in tree.items() if _is_rows(value)}
    known = {key: key.lower() in _NAMES for key in lists}
    first = next((key for name in _NAMES for key in lists if key.lower() == name), None)
    if first is None:
        return None
    seen = {key: _keys(rows) for key, rows in lists.items()}
    # a list of any other name must have every key, one of a usual name those that say what the row is
    whole, roles = seen[first], _ROLES & seen[first] or seen[first]
    keys = [key for key in lists if key == first or (roles if known[key] else whole) <= seen[key]]
    others = [key for key in lists if key not in keys and (known[key] or _TEXTS & roles & seen[key])]
    if len(keys) == 1:
        return RowLists(lists[first], keys, others)
    return RowLists([{"split": key, **row} for key in keys for row in lists[key]], keys, others)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _keys(rows: Sequence[Row]) -> frozenset[str]:
    return frozenset(str(key).lower() for row in rows[:_LOOKED_AT] for key in row)


def _rows(key: str, rows: list[Row], tree: Mapping[str, Any]) -> list[Row]:
    interface = tree.get("interface")
    if key == "samples" and isinstance(interface, dict):
        return [_with_names(row, interface.get("labels")) for row in rows]
    # the viewer of Hugging Face data sets puts each row into an object
    return [row["row"] if isinstance(row.get("row"), dict) else row for row in rows]


def _with_names(row: Row, labels: Any) -> Row:
    """A sample of Universal Data Tool, with the names that its annotator saw in the place of labels' ids."""
    given = labels if isinstance(labels, list) else ()
    names = {str(each.get("id")): each.get("displayName") for each in given if isinstance(each, dict)}
    marks = row.get("annotation")
    entities = marks.get("entities") if isinstance(marks, dict) else None
    if not isinstance(marks, dict) or not isinstance(entities, list):
        return row
    if not all(isinstance(e, dict) and isinstance(e.get("label"), str) for e in entities):
        return row
    named = [{**e, "label": names.get(e["label"]) or e["label"]} for e in entities]
    return {**row, "annotation": {**marks, "entities": named}}
