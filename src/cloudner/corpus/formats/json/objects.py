"""JSON objects as documents: one after the other, their text, and what goes into the meta data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudner.corpus.align.tag_shapes import is_tag
from cloudner.corpus.contract import ReadOptions, Sample, Source
from cloudner.corpus.formats.groups import group_in
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.json.corpora import as_usual, sentences_of_documents
from cloudner.corpus.formats.json.row_lists import row_lists
from cloudner.corpus.formats.json.stream import Peek, peek, values
from cloudner.corpus.formats.keys import LISTS, META, SPANS, TEXT, TOKENS, text_names
from cloudner.corpus.formats.literals import LIST_BEGINS
from cloudner.corpus.formats.spans import Where, short
from cloudner.errors import InputError


def objects(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of every element. Raises InputError for an element that is no object, or without any."""
    count = 0
    told: list[str] = getattr(source, "told", [])
    told.clear()  # a file is read again where one of its records is left out
    for line, value in _unwrapped(values(source), told):
        if not isinstance(value, dict):
            raise Where(source.name, line, "element").error(
                f"{short(value)} is not an object", '{"text": ..., "entities": ...}', "--format NAME"
            )
        count += 1
        yield line, value
    if count == 0:
        raise Where(source.name, 1, "file").error("no element in it", "at least one object")


_last: tuple[Peek | None, list[dict[str, Any]]] = (None, [])


def some_objects(sample: Sample) -> list[dict[str, Any]]:
    """The objects a sample begins with; none for what is not JSON. The last answer is remembered: every format asks,
    and to read printed arrays takes its time."""
    global _last
    seen = peek(sample)
    if seen is None:
        return []
    last = _last  # another thread may replace it
    if last[0] is not seen:
        found = _unwrapped((1, item) for item in seen.items)
        _last = last = (seen, [item for _, item in found if isinstance(item, dict)])
    return list(last[1])


def _unwrapped(found: Iterable[tuple[int, Any]], told: list[str] | None = None) -> Iterator[tuple[int, Any]]:
    """Values, with the elements of a tree around them (`{"data": [...]}`, a table by columns) in its place."""
    for line, value in found:
        rows = rows_within(value, told) if isinstance(value, dict) else None
        if rows is None:
            yield line, _listed(as_usual(_lowered(value))) if isinstance(value, dict) else value
        else:
            yield from ((line, _listed(as_usual(_lowered(row)))) for row in rows)


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    """An object whose spans, tokens and tags are lists, where they are lists written as texts (`"[(0, 3, 'PER')]"`)."""
    written = [
        key
        for key, value in item.items()
        if key in LISTS and isinstance(value, str) and value.lstrip().startswith(("{", *LIST_BEGINS))
    ]
    read = {key: answer_of(item[key]) for key in written}
    return {**item, **{key: value for key, value in read.items() if isinstance(value, (list, dict))}}


def _lowered(item: dict[str, Any]) -> dict[str, Any]:
    """An object whose keys of text and spans are in capitals (`Text`, `ENTITIES`), with small ones; others as they are."""
    known = (*TEXT, *TOKENS)
    if any(key in item for key in known) or not any(str(key).lower() in known for key in item):
        return item
    small = {str(key).lower(): value for key, value in item.items()}
    return small if len(small) == len(item) else item


def rows_within(tree: dict[str, Any], told: list[str] | None = None) -> list[dict[str, Any]] | None:
    """The objects in a tree that is not an annotated text itself, or None. told: takes what a user should know of it."""
    if (table := _split_table(tree) or sentences_of_documents(tree)) is not None:
        return table
    cells = [tree[key] for key in (*TEXT, *TOKENS) if key in tree]
    if not any(isinstance(cell, str) for cell in cells):
        lists = row_lists(tree)
        if lists is not None:
            if told is not None and lists.note and lists.note not in told:
                told.append(lists.note)
            return lists.rows
        parts = tree.get("sentences")
        if isinstance(parts, list) and parts and all(_is_annotated(part) for part in parts):
            return list(parts)
    columns = list(tree.values())
    if len(columns) > 0 and not cells and all(map(_is_document, columns)):  # documents by their ids
        return [{"id": key, **document} for key, document in tree.items()]
    first = cells[0] if cells else None
    if isinstance(first, dict) and len(columns) > 1 and all(isinstance(c, dict) for c in columns):
        if "0" in first:  # how pandas writes a table
            return [{key: tree[key].get(number) for key in tree} for number in first]
    elif isinstance(first, list) and len(columns) > 1 and all(isinstance(c, list) for c in columns):
        nested = all(isinstance(cell, list) for cell in first) or any(tree.get(key) == first for key in TEXT)
        sizes = {len(column) for column in columns}
        # a text in pieces with a tag for each is one row
        tagged = any(all(isinstance(x, str) and is_tag(x) for x in column) for column in columns)
        if first and nested and not tagged and len(sizes) == 1:
            return [dict(zip(tree, row, strict=True)) for row in zip(*columns, strict=True)]
    return None


def _split_table(tree: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a table as pandas writes it with `orient="split"`; None for another tree."""
    columns, rows = tree.get("columns"), tree.get("data")
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or not set(tree) <= {"columns", "index", "data"}
    ):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    return [dict(zip(map(str, columns), row, strict=True)) for row in rows]


def _is_document(value: Any) -> bool:
    """Is this an object with a text or tokens, and something beside?"""
    if not isinstance(value, dict) or len(value) < 2:
        return False
    small = {str(key).lower(): part for key, part in value.items()}
    texts = any(isinstance(small.get(key), str) for key in TEXT)
    return texts or any(isinstance(small.get(key), list) for key in TOKENS)


def _is_annotated(part: Any) -> bool:
    """Is this a text with a list beside it that may hold spans?"""
    return (
        isinstance(part, dict)
        and any(isinstance(part.get(key), str) for key in TEXT)
        and any(isinstance(part.get(key), list) for key in SPANS)
    )


def text_of(
    item: Mapping[str, Any], wanted: str | None, where: Where, keys: Sequence[str] | None = None
) -> str:
    """The text of an object, by key. Raises InputError when there is none or it is no text."""
    keys = text_names(item) if keys is None else keys
    key = wanted if wanted is not None else next((k for k in keys if isinstance(item.get(k), str)), None)
    key = key or next((k for k in keys if k in item and not isinstance(item[k], (list, dict))), None)
    if key is None or key not in item:
        raise where.error(
            f"no text among the keys {', '.join(map(repr, list(item)[:12]))}",
            f"a key {wanted!r}" if wanted else "one of " + ", ".join(keys[:5]),
            "--text-column KEY, or `cloudner convert --skip-bad 1`, which leaves it out",
        )
    if item[key] is None:
        return ""
    if not isinstance(item[key], str):
        raise where.error(
            f"the text is {short(item[key])}",
            "a string",
            "--text-column KEY, or `cloudner convert --skip-bad 1`, which leaves it out",
        )
    return str(item[key])


def meta_of(item: Mapping[str, Any], options: ReadOptions) -> dict[str, Any]:
    """What goes into the document's `user_data["meta"]`: ids and the value of `--group-by`."""
    meta = {key: item[key] for key in META if item.get(key) not in (None, {}, "")}
    return meta | group_of(item, options)


def group_of(item: Mapping[str, Any], options: ReadOptions) -> dict[str, Any]:
    """`{"group": VALUE}`, the value of `--group-by` in an object; empty where it has none."""
    value = None if options.group_by is None else group_in(item, options.group_by)
    return {} if value is None else {"group": value}


def only_object(source: Source, what: str) -> dict[str, Any]:
    """The object that a file consists of. what: what it should be. Raises InputError for anything else."""
    value = next(iter(values(source)), (1, None))[1]
    if not isinstance(value, dict):
        raise InputError(f"{short(value)} is not an object", file=source.name, line=1, expected=what)
    return value
