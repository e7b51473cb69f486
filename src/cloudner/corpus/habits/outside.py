"""Files that write no O: tokens in no entity have an empty cell, NaN, `-` or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from cloudner.corpus.align.tag_shapes import NOTHING, UNKNOWN, outside_of
from cloudner.corpus.contract import ReadOptions, Record
from cloudner.errors import InputError

_EMPTY: frozenset[str | None] = NOTHING - {UNKNOWN}
# Formats of rows, in which a tag that is null may be either.
_NULL = frozenset(("rows", "hf-jsonl", "parquet", "arrow", "tag-table"))
# Formats that have a sign of their own for tokens without annotation; the others have `?`, as we write them.
_EXACT = frozenset(
    ("conllu", "spacy", "spacy-iob", "spacy-v2-json", "spacy-v3-json", "spacy-example-json", "spacy-tuples")
)


def look(first: Sequence[Record], format_name: str, options: ReadOptions) -> Callable[[Record], None] | None:
    """What makes O of the tags that mean nothing, where the file has entities, such tags and no O; else None.

    A model taught that they are unknown would learn entities alone, and mark every word.
    """
    if format_name in _EXACT or any(tag in options.labels for tag in _EMPTY if tag is not None):
        return None
    nothing = _EMPTY | {None} if format_name in _NULL else _EMPTY
    seen = Counter(tag for record in first if record.tags is not None for tag in record.tags)
    tags = Counter(
        {tag: count for tag, count in seen.items() if tag not in nothing and tag not in (None, UNKNOWN)}
    )
    empty = {tag: count for tag, count in seen.items() if tag in nothing}
    if not empty or not tags or outside_of(tags) & set(tags):
        return None
    common = max(empty, key=lambda tag: empty[tag])
    shown = repr(common or "")
    noted = False

    def fix(record: Record) -> None:
        nonlocal noted
        if record.tags is None:
            return
        if "O" in record.tags:
            raise InputError(
                f"an O, after {sum(empty.values()):,} tokens with the tag {shown} and none with O",
                file=record.file,
                line=record.line,
                expected="one sign for a token in no entity",
                fix=f"--label {common or ''}=O where both mean that, --label {common or ''}=? where nobody looked",
            )
        record.tags = ["O" if tag in nothing else tag for tag in record.tags]
        if not noted:
            noted = True
            done = (
                f"no O in the file: {shown} is taken for a token in no entity;"
                f" --label {common or ''}=? where it is not annotated"
            )
            record.notes.append(("no-outside", "noted", done))

    return fix
