"""Words and what stands between them: what token formats need of a record, and text formats of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from cloudner.corpus.align.tag_schemes import TokenSpan, decode, detect_scheme
from cloudner.corpus.align.tag_shapes import MISSING
from cloudner.corpus.contract import Record, SpanRecord
from cloudner.errors import InputError

# Kana, CJK ideographs and their punctuation: scripts written without spaces between words and sentences.
_UNSPACED = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff65\U00020000-\U0003ffff]")
MAX_GAP = 1_000_000  # characters; spaCy's own limit for a whole text
_WORD = re.compile(r"\w+|[^\w\s]")


class Words(NamedTuple):
    """A record as words: spaces[i] says whether white space follows word i, spans are in words, ends exclusive."""

    tokens: list[str]
    spaces: list[bool]
    sent_starts: list[int]
    spans: list[TokenSpan]
    missing: list[int]


def is_unspaced(text: str) -> bool:
    """Is this text mostly kana or ideographs, where nothing goes between two words or sentences?"""
    return 2 * len(_UNSPACED.findall(text)) > len(text) - text.count(" ")


def spaces_between(tokens: Sequence[str]) -> list[bool]:
    """For words of an unspaced script: a space only between two words of Latin letters or digits."""
    latin = [len(token) > 1 and token.isascii() and token.isalnum() for token in tokens]
    return [here and after for here, after in zip(latin, [*latin[1:], False], strict=True)]


def spaces_in(raw: str, words: list[str]) -> list[bool] | None:
    """Which words a single space follows in the raw text; None where they do not make up that text."""
    at, spaces = 0, []
    for word in words:
        if not raw.startswith(word, at):
            return None
        at += len(word)
        space = raw[at : at + 1] == " "
        spaces.append(space)
        at += space
    return spaces if at == len(raw) else None


def join(tokens: Sequence[str], spaces: Sequence[bool]) -> tuple[str, list[int]]:
    """The text of words, without white space after the last, and each word's first character."""
    starts, pieces, at = [], [], 0
    for token, space in zip(tokens, spaces, strict=True):
        starts.append(at)
        pieces.append(token + " " if space else token)
        at += len(pieces[-1])
    if pieces and spaces[-1]:
        pieces[-1] = pieces[-1][:-1]
    return "".join(pieces), starts


def span_over(tokens: Sequence[str], starts: Sequence[int], first: int, last: int, label: str) -> SpanRecord:
    """The span of the words from `first` to `last`, exclusive. starts: first characters, as `join` gives them."""
    return SpanRecord(starts[first], starts[last - 1] + len(tokens[last - 1]), label)


def tagged_spans(
    tokens: Sequence[str],
    starts: Sequence[int],
    tags: Sequence[str | None],
    sent_starts: Sequence[int] | None = None,
) -> list[SpanRecord]:
    """The spans of a tag for each word. sent_starts: the first words of sentences, which no span crosses."""
    found = decode(tags, detect_scheme([tags]), sent_starts).spans
    return [span_over(tokens, starts, first, last, label) for first, last, label in found]


def gap(count: int, file: str, line: int) -> int:
    """The white space that offsets leave before a text. Raises InputError for more than a document can hold."""
    if count > MAX_GAP:
        raise InputError(
            f"offsets that leave {count:,} characters empty before a text",
            file=file,
            line=line,
            expected=f"at most {MAX_GAP:,}",
            fix="export the document again",
        )
    return count


def unused(identity: str, count: int, used: set[str]) -> str:
    """The identity, or it with the document's number where an earlier one has it; it is then in `used`."""
    while identity in used:
        identity = f"{identity}-{count}"
    used.add(identity)
    return identity


class Ids:
    """The ids that the documents of a file are written with: their own, or numbers. Each is given once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def of(self, record: Record, number: int) -> Any:
        """The record's id, else `number`; where an earlier one has it, with `number` behind it."""
        given = record.meta.get("id", number)
        name = unused(str(given), number, self._used)
        return given if name == str(given) and isinstance(given, (str, int)) else name


def refuse(record: Record, format_name: str, found: str, fix: str = "--to jsonl") -> NoReturn:
    """Raises the InputError for a record that a format cannot hold."""
    raise InputError(
        f"{found}, which the format {format_name} cannot hold", file=record.file, line=record.line, fix=fix
    )


def refuse_missing(record: Record, format_name: str) -> None:
    """Raises InputError where some words of a record are unannotated, for formats that cannot say so."""
    if not record.complete or (
        record.tags is not None and any(tag is None or tag in MISSING for tag in record.tags)
    ):
        refuse(record, format_name, "a document that is annotated in part", "--to conll")


def is_unannotated(record: Record) -> bool:
    """Did nobody look at any word of it?"""
    return not record.complete and not record.spans and not any(record.tags or ())


def text_of(record: Record) -> tuple[str, list[SpanRecord]]:
    """Text and spans, in order of start and longest first, of a record of either kind."""
    if record.text is not None and (record.tags is None or record.spans):
        return record.text, sorted(record.spans, key=lambda s: (s.start, -s.end, s.label))
    tokens = record.tokens or []
    spaces = record.spaces if record.spaces is not None else _usual_spaces(tokens)
    text, starts = join(tokens, spaces)
    tags = record.tags or [None] * len(tokens)
    return text, tagged_spans(tokens, starts, tags, record.sent_starts)


def words_of(record: Record, format_name: str) -> Words:
    """Words, spans in words and unannotated words of a record of either kind.

    A text is cut at white space, around punctuation and at the ends of spans. Raises InputError for spans that
    overlap, are empty or lie outside the text.
    """
    if record.tokens is not None and record.tags is not None:
        tokens, tags = record.tokens, record.tags
        breaks = None if record.over_sentences else record.sent_starts
        decoded = decode(tags, detect_scheme([tags]), breaks)
        spaces = record.spaces if record.spaces is not None else _usual_spaces(tokens)
        spans, missing = decoded.spans, decoded.missing
    else:
        text, marked = text_of(record)
        flat(record, format_name, text, marked)
        edges = [_edges(text, span) for span in marked]
        tokens, spaces, starts = _given(record, text, edges) or _cut(
            text, {e for pair in edges for e in pair}
        )
        first = {start: index for index, start in enumerate(starts)}
        last = {
            start + len(token): index + 1
            for index, (start, token) in enumerate(zip(starts, tokens, strict=True))
        }
        missing = []
        spans = [TokenSpan(first[a], last[b], s.label) for s, (a, b) in zip(marked, edges, strict=True)]
    if not record.complete and record.tags is None:
        marked_words = {index for span in spans for index in range(span.start, span.end)}
        missing = [index for index in range(len(tokens)) if index not in marked_words]
    starts = record.sent_starts or ([0] if tokens else [])
    if record.over_sentences:  # an entity is worth more than the end of a sentence within it
        inside = {token for span in spans for token in range(span.start + 1, span.end)}
        starts = [start for start in starts if start not in inside]
    return Words(tokens, spaces, starts, spans, missing)


def without_white_space(words: Words) -> Words:
    """The same without tokens of white space (a no-break space, a line end), which are then spaces behind the words before.

    new[i]: how many words stand before token i; a span of white space alone is gone.
    """
    new, tokens, spaces = [0], list[str](), list[bool]()
    for token, space in zip(words.tokens, words.spaces, strict=True):
        if token.strip():
            tokens.append(token)
            spaces.append(space)
        elif spaces:
            spaces[-1] = True
        new.append(len(tokens))
    spans = [TokenSpan(new[a], new[b], label) for a, b, label in words.spans if new[a] < new[b]]
    starts = sorted({new[start] for start in words.sent_starts if new[start] < len(tokens)})
    missing = [new[index] for index in words.missing if new[index] < new[index + 1]]
    return Words(tokens, spaces, starts, spans, missing)


def flat(record: Record, format_name: str, text: str, spans: Iterable[SpanRecord]) -> None:
    """Raises InputError unless spans lie in the text, cover more than white space and do not overlap."""
    end = 0
    for span in spans:
        if not 0 <= span.start < span.end <= len(text) or not text[span.start : span.end].strip():
            refuse(record, format_name, f"the empty or outlying span {span.start}:{span.end}:{span.label}")
        if span.start < end:
            refuse(
                record, format_name, f"the span {span.start}:{span.end}:{span.label}, which overlaps another"
            )
        end = span.end


def _edges(text: str, span: SpanRecord) -> tuple[int, int]:
    """Where a span's first word starts and its last one ends."""
    surface = text[span.start : span.end]
    return span.start + len(surface) - len(surface.lstrip()), span.start + len(surface.rstrip())


def _given(
    record: Record, text: str, edges: Iterable[tuple[int, int]]
) -> tuple[list[str], list[bool], list[int]] | None:
    """The record's own tokens, spaces and starts, if they make up its text and no span cuts one."""
    if not record.tokens:
        return None
    spaces = record.spaces if record.spaces is not None else _usual_spaces(record.tokens)
    made, starts = join(record.tokens, spaces)
    ends = {start + len(token) for start, token in zip(starts, record.tokens, strict=True)}
    if made != text or not all(a in set(starts) and b in ends for a, b in edges):
        return None
    return record.tokens, spaces, starts


def _usual_spaces(tokens: Sequence[str]) -> list[bool]:
    return spaces_between(tokens) if is_unspaced("".join(tokens)) else [True] * len(tokens)


def _cut(text: str, edges: set[int]) -> tuple[list[str], list[bool], list[int]]:
    tokens, spaces, starts = [], [], []
    for match in _WORD.finditer(text):
        start, stop = match.span()
        for end in [*sorted(edge for edge in edges if start < edge < stop), stop] if edges else [stop]:
            starts.append(start)
            tokens.append(text[start:end])
            spaces.append(text[end : end + 1].isspace())
            start = end
    return tokens, spaces, starts
