"""The lists a chunk grows in while documents are aligned one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from spacy.strings import StringStore, get_string_id
from spacy.tokens import Doc, Span, SpanGroup

from cloudner.corpus.align.to_tokens import Entity
from cloudner.corpus.contract import Record
from cloudner.corpus.docbin.chunk import NO_GROUPS, Chunk, msgpack_dumps
from cloudner.corpus.issues import ConversionIssue
from cloudner.corpus.soundness import is_unicode

NEGATIVE_KEY = "incorrect_spans"  # the name spaCy's own NER documents for spans known to be wrong
_CACHE_WORDS = 500_000


class StringIds(dict[str, int]):
    """String ids as spaCy's StringStore gives them, without keeping the strings in a vocabulary."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _CACHE_WORDS:
            self.clear()
        self[word] = value = get_string_id(word)
        return cast(int, value)


class Columns:
    """Tokens (orth, spaces, codes, sent_start) and documents (the rest) of a chunk in the making.

    codes: see `tag_codes.TagCodes`. strings: words and labels that the vocabulary may not have.
    """

    def __init__(self) -> None:
        self.orth: list[int] = []
        self.spaces: list[bool] = []
        self.codes: list[int] = []
        self.sent_start: list[int] = []
        self.lengths: list[int] = []
        self.unknown_spaces: list[bool] = []
        self.groups: list[bytes] = []
        self.user_data: list[bytes | None] = []
        self.places: list[tuple[str, int]] = []
        self.group_keys: list[str | None] = []
        self.strings: set[str] = set()

    def finish(
        self,
        record: Record,
        size: int,
        unknown_spaces: bool,
        groups: dict[str, list[Entity]],
        doc: Doc | None,
    ) -> None:
        """Ends a document whose `size` tokens are in orth, spaces and codes. groups: of spans, by name. doc: its tokens, for
        them."""
        if record.sent_starts:
            marks = [-1] * size
            for start in record.sent_starts:
                if start < size:
                    marks[start] = 1
            self.sent_start.extend(marks)
        else:
            self.sent_start.extend([0] * size)
        self.lengths.append(size)
        self.unknown_spaces.append(unknown_spaces)
        if groups and doc is not None:
            self.groups.append(_packed(doc, groups))
            self.strings.update(entity.label for group in groups.values() for entity in group)
        else:
            self.groups.append(NO_GROUPS)
        self.user_data.append(msgpack_dumps({"meta": plain_data(record.meta)}) if record.meta else None)
        self.places.append((record.file, record.line))
        group = record.meta.get("group") if record.meta else None
        self.group_keys.append(None if group is None else str(group))

    def chunk(
        self, known: StringStore, labels: Sequence[str], ids: StringIds, issues: list[ConversionIssue]
    ) -> Chunk:
        """All of it as arrays. known: where words that are only ids stand; labels: by their number in the codes."""
        orth = np.array(self.orth, dtype=np.uint64)
        for each in np.unique(orth).tolist():
            if each in known:
                self.strings.add(known[each])
        codes = np.array(self.codes, dtype=np.int64)
        kinds = np.array([ids[label] if label else 0 for label in labels], dtype=np.uint64)
        numbers = codes >> 3
        self.strings.update(labels[number] for number in np.unique(numbers).tolist() if number)
        return Chunk(
            orth=orth,
            spaces=np.array(self.spaces, dtype=np.bool_),
            iob=(codes & 3).astype(np.int8),
            ent_type=kinds[numbers],
            sent_start=np.array(self.sent_start, dtype=np.int8),
            lengths=np.array(self.lengths, dtype=np.int32),
            unknown_spaces=np.array(self.unknown_spaces, dtype=np.bool_),
            strings=self.strings,
            groups=self.groups,
            user_data=self.user_data,
            places=self.places,
            group_keys=self.group_keys,
            issues=issues,
        )


def _packed(doc: Doc, groups: dict[str, list[Entity]]) -> bytes:
    for name, group in groups.items():
        spans = [Span(doc, e.start, e.end, label=e.label) for e in group]
        doc.spans[name] = SpanGroup(doc, name=name, spans=spans)
    return cast(bytes, doc.spans.to_bytes())


def _plain_text(text: str) -> str:
    """The text, or with lone surrogates, which UTF-8 cannot hold, its escapes."""
    return text if is_unicode(text) else text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain_data(value: Any) -> Any:
    """Only what msgpack and JSON hold: dates and the like become text."""
    if isinstance(value, dict):
        return {_plain_text(str(key)): plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    if isinstance(value, str):
        return _plain_text(value)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    return str(value)
