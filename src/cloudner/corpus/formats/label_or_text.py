"""Which of two words in a span, `[0, 11, "Marie Curie", "PER"]`, is the text at its offsets; the other is the label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap, repair, same

_MOST_LONGER = 2  # characters by which a text that was moved may be longer or shorter than its offsets say


def which_is_text(first: str, second: str, start: int, end: int, text: str) -> bool | None:
    """True for the first, False for the second, None where the text does not tell.

    start, end: characters, which may be counted otherwise or be some way off. text: of the document. A second word that
    is neither is the id of an entity (`Q90`), or who marked it.
    """
    if not text or first == second:
        return None
    there = text[start:end].strip()
    at = [there != "" and same(there, word) for word in (first, second)]
    if at[0] != at[1]:
        return at[0]
    causes = [_cause(word, start, end, text) for word in (first, second)]
    counted = [cause is not None and cause != "offsets-moved" for cause in causes]
    if counted[0] != counted[1]:
        return counted[0]
    whole, numbered = _is_word(text, start, end), any(char.isdigit() for char in second)
    if causes[0] is not None and causes[1] is None and not numbered:
        return True
    if causes[1] is not None and causes[0] is None and not whole:
        return False
    if first in text and second not in text and not whole and not numbered:
        return True  # its offsets are explained by nothing
    return None


@lru_cache(maxsize=1)
def _offsets(text: str) -> OffsetMap:
    return OffsetMap(text)


def _cause(word: str, start: int, end: int, text: str) -> str | None:
    """Why the offsets mean this word, though it is not there (a key of `issues.CAUSES`); None where they do not."""
    parts = word.split()
    if not parts or parts[0] not in text:
        return None
    found = repair(_offsets(text), start, end, word)
    if found is None or (found.cause == "offsets-moved" and abs(len(word) - (end - start)) > _MOST_LONGER):
        return None
    return found.cause


def _is_word(text: str, start: int, end: int) -> bool:
    """Are both offsets at edges of words?"""
    if not 0 <= start < end <= len(text) or text[start].isspace() or text[end - 1].isspace():
        return False
    return not any(0 < at < len(text) and text[at - 1 : at + 1].isalnum() for at in (start, end))


def is_number(text: str) -> bool:
    """Is a text an offset that was written as one?"""
    return text.strip().lstrip("-").isdigit()


def words_first(item: Sequence[Any]) -> bool:
    """Are these two words and, behind them, start and end: `["Ann", "PER", 0, 3]`?"""
    return (
        len(item) == 4
        and all(isinstance(word, str) and not is_number(word) for word in item[:2])
        and all(type(number) is int for number in item[2:])
    )
