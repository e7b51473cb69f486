"""JSON objects as documents: one after the other, their text, and what goes into the meta data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.formats._json import peek, values
from cloudner.corpus.formats._spans import Where, short
from cloudner.corpus.formats.base import ReadOptions, Sample

TEXT_KEYS = (
    "text", "data", "content", "sentence", "document", "doc", "body", "input", "full_text", "doc_text", "raw_text",
    "source_text",
)  # fmt: skip
SPAN_KEYS = (
    "entities", "spans", "labels", "label", "annotations", "ents", "ner", "annotation", "tags", "mentions", "privacy_mask",
)  # fmt: skip
_META_KEYS = ("id", "doc_id", "document_id", "split", "meta", "source")


def objects(source: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of every element. Raises InputError for an element that is no object, or without any."""
    count = 0
    for line, value in values(source):
        if not isinstance(value, dict):
            raise Where(source.name, line, "element").error(
                f"{short(value)} is not an object", '{"text": ..., "entities": ...}', "--format NAME"
            )
        count += 1
        yield line, value
    if count == 0:
        raise Where(source.name, 1, "file").error("no element in it", "at least one object")


def some_objects(sample: Sample) -> list[dict[str, Any]]:
    """The objects a sample begins with; none for what is not JSON."""
    seen = peek(sample)
    return [item for item in seen.items if isinstance(item, dict)] if seen else []


def text_of(
    item: Mapping[str, Any], wanted: str | None, where: Where, keys: tuple[str, ...] = TEXT_KEYS
) -> str:
    """The text of an object, by key. Raises InputError when there is none or it is no text."""
    key = wanted if wanted is not None else next((k for k in keys if isinstance(item.get(k), str)), None)
    if key is None or key not in item:
        raise where.error(
            f"no text among the keys {', '.join(map(repr, list(item)[:12]))}",
            f"a key {wanted!r}" if wanted else "one of " + ", ".join(keys[:5]),
            "--text-column KEY",
        )
    if item[key] is None:
        return ""
    if not isinstance(item[key], str):
        raise where.error(f"the text is {short(item[key])}", "a string", "--text-column KEY")
    return str(item[key])


def meta_of(item: Mapping[str, Any], options: ReadOptions) -> dict[str, Any]:
    """What goes into the document's `user_data["meta"]`: ids and the value of `--group-by`."""
    meta = {key: item[key] for key in _META_KEYS if item.get(key) not in (None, {}, "")}
    if options.group_by is not None:
        value: Any = item
        for part in options.group_by.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            meta["group"] = value
    return meta
