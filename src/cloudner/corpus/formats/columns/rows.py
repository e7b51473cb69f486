"""What the tokens of a file have in common (a prefix, one character each, a number behind each), and their records."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from cloudner.corpus.align.tag_schemes import decode, detect_scheme
from cloudner.corpus.align.tag_shapes import MISSING, UNKNOWN, are_several, is_tag
from cloudner.corpus.contract import ReadOptions, Record, Sample, SpanRecord
from cloudner.corpus.formats.columns.layout import Layout, data_lines, is_comment
from cloudner.corpus.formats.columns.levels import PARTED, SIGNS, nested, of_morphemes, tags_in
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between
from cloudner.errors import InputError

_THAI_OR_HANGUL = re.compile(r"[\u0e01-\u0e3a\uac00-\ud7a3]")
_LANGUAGE_PREFIX = re.compile(r"(?P<prefix>[a-z]{2,3}(?:-[a-z0-9-]+)?:)(?P<token>.+)", re.DOTALL)


class Block:
    """The rows of one document while they are read."""

    def __init__(self, line: int, meta: dict[str, str]) -> None:
        self.line, self.meta = line, meta
        self.tokens: list[str] = []
        self.tags: list[str | None] = []
        self.sent_starts: list[int] = []


@dataclass
class TokenStyle:
    """How a file writes its tokens.

    prefix: the language code that WikiANN puts before each (`en:Paris`), or nothing. characters: one a line.
    numbered: each is a character and its position in the word (Weibo: `南0`, `京1`). unspaced: Chinese or Japanese.
    underscored: an underscore stands for the space between words (LST20, KMOU). nested: are all tags of a token wanted, not only the first. missing: what the user says of tags that would mean no annotation (`-` is O).
    """

    prefix: str = ""
    characters: bool = False
    numbered: bool = False
    unspaced: bool = False
    underscored: bool = False
    nested: bool = False
    missing: dict[str, str] = field(default_factory=dict)

    def record(self, file: str, block: Block, left_out: tuple[str, ...] = ()) -> Record:
        """The record of a block. left_out: columns with tags that are not read, told in a note."""
        tokens, tags = block.tokens, block.tags
        if self.prefix:
            tokens = [token.removeprefix(self.prefix).lstrip(" ") or token for token in tokens]
        if self.numbered:
            tokens = [token[0] if len(token) == 2 and token[1].isdigit() else token for token in tokens]
        notes = [
            ("unsupported", "noted", f"{column} holds tags too, left out; --tag-column N (from 0)")
            for column in left_out
        ]
        signs = set("".join(filter(None, tags)))
        if " " in signs:
            _refuse_sentences(file, block)
        if "^" in signs:
            tags = [of_morphemes(tag) if tag else tag for tag in tags]
        levels = tags if self.nested and not signs.isdisjoint((*SIGNS, PARTED)) else None
        if levels is not None:
            tags = [tag.split(PARTED)[0] if tag else tag for tag in tags]
        elif not signs.isdisjoint(SIGNS):
            tags = _first_of_several(tags, notes)
        if not MISSING.isdisjoint(tags):
            tags = [
                self.missing.get(str(tag), None if tag == UNKNOWN else tag) if tag in MISSING else tag
                for tag in tags
            ]
        starts = block.sent_starts
        spaces = None
        if self.underscored:
            tokens, tags, starts, spaces = _without_underscores(tokens, tags, starts)
        record = Record(file, block.line, tokens=tokens, tags=tags, sent_starts=starts, meta=dict(block.meta))
        record.notes = notes
        if spaces is not None:
            record.spaces = spaces
        elif self.unspaced and (self.characters or is_unspaced("".join(tokens))):
            record.spaces = spaces_between(tokens)
        elif self.characters and levels is None:
            return of_characters(record)
        return record if levels is None else nested(record, levels)


def _without_underscores(
    tokens: list[str], tags: list[str | None], starts: list[int]
) -> tuple[list[str], list[str | None], list[int], list[bool]]:
    """Tokens, tags, first tokens of sentences, and whether a space follows a token: where an underscore stood."""
    keep = [at for at, token in enumerate(tokens) if token != "_"]
    spaces = [tokens[at + 1 : at + 2] == ["_"] for at in keep]
    moved = sorted({sum(at < start for at in keep) for start in starts} - {len(keep)})
    return [tokens[at] for at in keep], [tags[at] for at in keep], moved, spaces


def style_of(sample: Sample, layout: Layout, options: ReadOptions) -> TokenStyle:
    """The style of a file, from its first rows."""
    split = layout.splitter()
    words = []
    for line in data_lines(sample, 500):
        row = split(line)
        if len(row) == layout.columns and not (
            is_comment(line) and not is_tag(row[layout.tag], layout.tags_seen)
        ):
            words.append(row[layout.token])
    text = "".join(words)
    unspaced = options.lang in ("zh", "ja") or is_unspaced(text)
    digits = sum(len(word) == 2 and word[1].isdigit() for word in words)
    numbered = len(words) >= 5 and digits == len(words) and is_unspaced(text[::2])
    return TokenStyle(
        prefix=_prefix(words),
        characters=numbered or (len(words) >= 20 and sum(len(w) == 1 for w in words) >= 0.98 * len(words)),
        numbered=numbered,
        unspaced=unspaced or numbered,
        # corpora that write spaces so have parts of speech too; in words and tags alone it is a word
        underscored=layout.columns > 2
        and 20 * words.count("_") > len(words) > 1
        and bool(_THAI_OR_HANGUL.search(text)),
        nested=options.spans is not None,
        missing={tag: options.labels[tag] for tag in MISSING if tag in options.labels},
    )


def _prefix(tokens: list[str]) -> str:
    found: Counter[str] = Counter()
    for token in tokens:
        if match := _LANGUAGE_PREFIX.match(token):
            found[match["prefix"]] += 1
    if not found:
        return ""
    prefix, count = found.most_common(1)[0]
    return prefix if count >= max(2, 0.95 * len(tokens)) else ""


def _refuse_sentences(file: str, block: Block) -> None:
    """Raises InputError for a line that is a sentence with the tags of its words, in a file of a token a line."""
    for token, tag in zip(block.tokens, block.tags, strict=True):
        if tag and are_several(tag, token):
            raise InputError(
                f"a tag for each word in one row: {token[:40]!r}, {tag[:40]!r}",
                file=file,
                line=block.line,
                expected="a token and its tag a line, or in every line a sentence and its tags",
                fix="mend that line, or --format slash-tags where all lines are meant so",
            )


def _first_of_several(tags: list[str | None], notes: list[tuple[str, str, str]]) -> list[str | None]:
    made: list[str | None] = []
    lost: list[str] = []
    for tag in tags:
        parts = tags_in(tag) if tag else []
        if len(parts) > 1:
            entities = [part for part in parts if part != "O"]
            if len(entities) > 1:
                lost.append(str(tag))
            tag = entities[0] if entities else "O"
        made.append(tag)
    if lost:
        notes.append(("nested", "dropped", f"several tags on {len(lost)} tokens ({lost[0]}): kept the first"))
    return made


def of_characters(record: Record) -> Record:
    """A text that was exported one character a line: words are found again, tags become character offsets."""
    tags = record.tags or []
    text, starts = join(record.tokens or [], [False] * len(tags))
    decoded = decode(tags, detect_scheme([tags]))
    record.text = text
    record.spans = [
        SpanRecord(starts[span.start], starts[span.end] if span.end < len(starts) else len(text), span.label)
        for span in decoded.spans
    ]
    record.complete = not decoded.missing
    record.tokens = record.tags = record.sent_starts = None
    return record
