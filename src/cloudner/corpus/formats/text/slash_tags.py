"""A sentence a line with its tags in it: `Marie/PERSON lived/O`, or the words, a tab, and a tag for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.align.tag_shapes import MISSING, POSITION_TAG
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.columns.rows import Block, TokenStyle
from cloudner.errors import InputError

_TOKEN = re.compile(r"(?P<word>\S+)/(?P<tag>[A-Za-z][\w.&-]*)")
_EXPECTED = "word/TAG word/TAG, or the words, a tab and a tag for each"


def _slashed(line: str) -> list[tuple[str, str]] | None:
    matches = [_TOKEN.fullmatch(token) for token in line.split()]
    return [(m["word"], m["tag"]) for m in matches if m] if matches and all(matches) else None


def _in_two(line: str) -> list[tuple[str, str]] | None:
    """Words, tab, tags."""
    words, tab, tags = line.partition("\t")
    given, named = words.split(), tags.split()
    if given[:1] == ["BOS"] and given[-1:] == ["EOS"] and len(named) == len(given):
        given, named = given[1:-1], named[1:-1]  # ATIS: the intent stands in the place of EOS
    if not tab or not given or len(given) != len(named):
        return None
    return list(zip(given, named, strict=True))


def _is_tag(tag: str) -> bool:
    return tag in ("O", "-") or POSITION_TAG.fullmatch(tag) is not None


def has_tags_behind_tab(sample: Sample) -> bool:
    """Is each line words, a tab and a tag with a position, or O, for each of them? A table that has a header is not."""
    lines = [line for line in sample.lines[:200] if line.strip()]
    pairs = [_in_two(line) for line in lines]
    return bool(pairs) and all(pair and all(_is_tag(tag) for _, tag in pair) for pair in pairs)


def sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines[:200] if line.strip()]
    for parse, what in (
        (_slashed, "word/tag tokens, a sentence a line"),
        (_in_two, "words, a tab and their tags"),
    ):
        sentences = [parse(line) for line in lines]
        if not sentences or not all(sentences):
            continue
        tags = [tag for sentence in sentences for _, tag in sentence or ()]
        # Naver's corpus has - for O; with slashes it would be a part of speech
        outside = "O" if "O" in tags or parse is _slashed else "-"
        if parse is _slashed and "O" not in tags and "o" in tags:  # MSRA: 当/o 希望工程/o 中国/ns
            outside = "o"
        entities = {tag for tag in tags if tag != outside}
        # parts of speech stand behind slashes too, but know no O; two columns are a sentence of one word each
        one_word = all(len(sentence or ()) == 1 for sentence in sentences)
        positions = all(map(_is_tag, tags))
        if not entities or one_word or (parse is _in_two and not positions):
            continue
        if positions or tags.count(outside) >= 0.2 * len(tags):
            return Match(0.9, f"{what} ({', '.join(sorted(entities)[:3])})")
    return None


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line. Raises InputError (file, line) for one whose words and tags do not pair."""
    lines = [line for line in source.sample().lines[:200] if line.strip()]
    parse = _slashed if all(map(_slashed, lines)) else _in_two
    missing = {tag: options.labels[tag] for tag in MISSING if tag in options.labels}
    style = TokenStyle(missing=missing)
    for number, line in source.lines():
        if not line.strip():
            continue
        pairs = parse(line)
        if pairs is None:
            raise InputError(
                f"{line[:60]!r}", file=source.name, line=number, expected=_EXPECTED, fix="mend the line"
            )
        block = Block(number, {})
        block.tokens, block.sent_starts = [word for word, _ in pairs], [0]
        block.tags = [tag for _, tag in pairs]
        yield style.record(source.name, block)


_EXAMPLE = "Marie/B-PER Curie/I-PER was/O born/O in/O Warsaw/B-LOC ./O\n"
SLASH_TAGS = Format(
    "slash-tags",
    "a sentence a line: word/TAG tokens, or the words, a tab and their tags",
    (".txt", ".tsv"),
    sniff,
    read,
    example=_EXAMPLE,
)
