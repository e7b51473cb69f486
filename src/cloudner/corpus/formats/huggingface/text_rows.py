"""Rows whose tags belong to the characters or words of a text: `{"text": "Bob ran", "labels": "B-PER O"}`."""

from __future__ import annotations

from typing import Any

from cloudner.corpus.align.tag_shapes import is_tag
from cloudner.corpus.formats.huggingface.rows import key_of
from cloudner.corpus.formats.keys import TAGS, TEXT, TOKENS

_TEXTS = (*TEXT, "chars", "characters", "sent", *TOKENS)


def with_tokens(item: dict[str, Any]) -> dict[str, Any]:
    """The row with `tokens`, `ner_tags` and, where the text has spaces, `spaces` in the place of a text and its tags; as
    it is where it is no such row. A tag a character goes before a tag a word."""
    if key_of(item, TOKENS) is not None:
        return item
    for name in _TEXTS:
        text = item.get(name)
        if not isinstance(text, (str, list)) or not text or not all(isinstance(part, str) for part in text):
            continue
        for key in TAGS:
            tags = item.get(key)
            tags = tags.split() if isinstance(tags, str) else tags
            if (
                not isinstance(tags, list)
                or not tags
                or not all(isinstance(t, str) and is_tag(t) for t in tags)
            ):
                continue
            made = _parted(text, tags)
            if made is not None:
                rest = {k: v for k, v in item.items() if k not in (name, key)}
                return {**rest, **made}
    return item


def _parted(text: str | list[str], tags: list[str]) -> dict[str, list[Any]] | None:
    if isinstance(text, list):
        return {"tokens": text, "ner_tags": tags} if len(text) == len(tags) else None
    if len(text) == len(tags):
        kept = [i for i, char in enumerate(text) if not char.isspace()]
        spaces = [i + 1 < len(text) and text[i + 1].isspace() for i in kept]
        return {"tokens": [text[i] for i in kept], "ner_tags": [tags[i] for i in kept], "spaces": spaces}
    words = text.split()
    return {"tokens": words, "ner_tags": tags} if len(words) == len(tags) else None
