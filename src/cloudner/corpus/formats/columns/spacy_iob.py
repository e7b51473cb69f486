"""spaCy's `.iob`: a sentence a line, its tokens as `word|POS|tag` or `word|tag`.

`-` for a tag says that the token is not annotated, which is not O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.words import refuse, words_of
from cloudner.errors import InputError

_TOKEN = re.compile(r"[^ \t]+\|([BIOLUSEM]-[^ \t|]+|O|-)")
# Not any white space: the writer puts a hard space for white space within a token.
_GAP = re.compile(r"[ \t]+")
_MISSING = "-"


def _sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines[:50] if line.strip()]
    if not lines:
        return None
    tokens = [token for line in lines for token in _split(line)]
    good = sum(bool(_TOKEN.fullmatch(token)) for token in tokens)
    if good == len(tokens):
        return Match(0.95, "word|tag tokens, a sentence a line")
    return Match(0.6, "mostly word|tag tokens") if good * 10 >= len(tokens) * 9 else None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for number, line in source.lines():
        if not line or line.isspace():
            continue
        parts = [token.split("|") for token in _split(line)]
        if any(len(part) < 2 for part in parts):
            bad = next(token for token in _split(line) if "|" not in token)
            raise InputError(
                f"the token {bad!r} without a tag",
                file=source.name,
                line=number,
                expected="word|POS|tag or word|tag",
            )
        wide = all(len(part) > 2 for part in parts)
        words = [_word_of(part, wide) for part in parts]
        tags = [None if part[-1] == _MISSING else part[-1] for part in parts]
        yield Record(source.name, number, tokens=words, tags=tags, sent_starts=[0])


def _word_of(part: list[str], wide: bool) -> str:
    """Everything before the tag (and the part of speech), since the bar may be in a word or be one."""
    if len(part) <= 3 and part[0]:
        return part[0]
    return "|".join(part[: -2 if wide else -1]) or "|".join(part[:-1])


def _split(line: str) -> list[str]:
    return [token for token in _GAP.split(line.rstrip("\r\n")) if token]


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    """A line a sentence. Where a word has a bar in it, its line says an unknown part of speech (`-`) of every word,
    since `a|b|O` would be read as the word `a`."""
    for record in records:
        words = words_of(record, "spacy-iob")
        for span in words.spans:
            if re.search(r"[\s|]", span.label):
                refuse(record, "spacy-iob", f"the label {span.label!r}", "--to conll")
        tags = encode(len(words.tokens), words.spans, "BIO", words.missing)
        for first, last in pairwise([*words.sent_starts, len(words.tokens)]):
            tokens = [_plain(token) for token in words.tokens[first:last]]
            middle = f"|{_MISSING}|" if any("|" in token for token in tokens) else "|"
            pairs = zip(tokens, tags[first:last], strict=True)
            stream.write(" ".join(f"{token}{middle}{tag}" for token, tag in pairs) + "\n")


def _plain(token: str) -> str:
    """White space cannot stand in a token of this format: a hard space takes its place."""
    return re.sub(r"\s", "\u00a0", token)


IOB = Format("spacy-iob", "spaCy's .iob: word|POS|tag, a sentence a line", (".iob",), _sniff, _read, _write)
