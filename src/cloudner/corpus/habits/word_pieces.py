"""Tokens that are an encoder's word pieces, `Habs`, `##burg`, with its own signs around them, `[CLS]`, `[SEP]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloudner.corpus.contract import ReadOptions, Record

_SIGNS = frozenset(("[CLS]", "[SEP]", "[PAD]"))
_MARK = "##"
_INSIDE = frozenset("IMELX")


def look(first: Sequence[Record], format_name: str, options: ReadOptions) -> Callable[[Record], None] | None:
    """What makes words of the pieces again, where the file has pieces or is put between the signs; else None."""
    records = [record for record in first if record.tokens and record.tags is not None]
    signed = sum(record.tokens[0] == "[CLS]" for record in records if record.tokens)
    pieces = sum(_is_piece(token) for record in records for token in record.tokens or ())
    words = sum(len(record.tokens or ()) for record in records)
    if not records or not (2 * signed > len(records) or 100 * pieces > words):
        return None
    return _join


def _is_piece(token: str) -> bool:
    return len(token) > 2 and token.startswith(_MARK) and not token.startswith("###")


def _join(record: Record) -> None:
    tokens, tags = record.tokens, record.tags
    if tokens is None or tags is None or len(tags) != len(tokens):
        return
    words: list[str] = []
    kept: list[str | None] = []
    spaces: list[bool] | None = None if record.spaces is None else []
    new: list[int] = []  # the word that each token is in, or comes before
    joined = signs = 0
    for index, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        if token in _SIGNS and (tag is None or tag in ("O", "-", "_", "", "X", *_SIGNS)):
            signs += 1
            new.append(len(words))
            continue
        if _is_piece(token) and words and (tag is None or tag in ("O", "-", "", "X") or tag[:1] in _INSIDE):
            words[-1] += token[len(_MARK) :]
            joined += 1
            new.append(len(words) - 1)
        else:
            new.append(len(words))
            words.append(token)
            kept.append(tag)
            if spaces is not None:
                spaces.append(True)
        if spaces is not None and record.spaces is not None:
            spaces[-1] = record.spaces[index]
    if not joined and not signs:
        return
    starts = sorted({new[s] for s in record.sent_starts or () if s < len(new) and new[s] < len(words)})
    record.tokens, record.tags, record.spaces, record.sent_starts = words, kept, spaces, starts or None
    record.notes.append(
        (
            "word-pieces",
            "repaired",
            f"{joined} word pieces joined to the words before them, {signs} signs left out",
        )
    )
