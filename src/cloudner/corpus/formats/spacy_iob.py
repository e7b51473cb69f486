"""spaCy's `.iob`: a sentence a line, its tokens as `word|POS|tag` or `word|tag`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record
from cloudner.errors import InputError

_TOKEN = re.compile(r"^\S+\|([BIOLUSEM]-\S+|O|-)$")


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines[:50] if line.strip()]
    if not lines:
        return None
    tokens = [token for line in lines for token in line.split()]
    good = sum(bool(_TOKEN.match(token)) for token in tokens)
    if good == len(tokens):
        return Match(0.95, "word|tag tokens, a sentence a line")
    return Match(0.6, "mostly word|tag tokens") if good * 10 >= len(tokens) * 9 else None


def _read(source: Any, options: ReadOptions) -> Iterator[Record]:
    for number, line in source.lines():
        if not line or line.isspace():
            continue
        parts = [token.split("|") for token in line.split()]
        if any(len(part) < 2 for part in parts):
            bad = next(token for token in line.split() if "|" not in token)
            raise InputError(
                f"the token {bad!r} without a tag",
                file=source.name,
                line=number,
                expected="word|POS|tag or word|tag",
            )
        wide = all(len(part) > 2 for part in parts)
        # The bar may be a token itself: everything before the tag (and the part of speech) is the word.
        words = [
            part[0] if len(part) <= 3 and part[0] else "|".join(part[: -2 if wide else -1]) for part in parts
        ]
        tags: list[str | None] = [part[-1] for part in parts]
        yield Record(source.name, number, tokens=words, tags=tags, sent_starts=[0])


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        tokens, tags = record.tokens or [], [tag if tag is not None else "-" for tag in record.tags or []]
        bounds = [*(record.sent_starts or [0]), len(tokens)]
        for first, last in zip(bounds, bounds[1:], strict=False):  # noqa: RUF007
            pairs = zip(tokens[first:last], tags[first:last], strict=True)
            stream.write(" ".join(f"{_word(token)}|{tag}" for token, tag in pairs) + "\n")


def _word(token: str) -> str:
    """White space cannot stand in a token of this format: a hard space takes its place."""
    return re.sub(r"\s", "\u00a0", token)


IOB = Format("spacy-iob", "spaCy's .iob: word|POS|tag, a sentence a line", (".iob",), _sniff, _read, _write)
