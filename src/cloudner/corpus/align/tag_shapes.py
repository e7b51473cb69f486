"""What a tag looks like, and what the tags of a file say for `O`: a token that is in no entity."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNKNOWN = "?"  # what we write where a token is not annotated: no file means O by it
MISSING = frozenset(("-", "_", "?", ""))  # a token without annotation; None is the same
# What stands for no tag at all in files that programs wrote; a label has none of these names.
NOTHING = MISSING | {"nan", "NaN", "None", "none", "null"}
# A tag with a position: `B-PER`, `I_geo`, `PER-B`. A label may have spaces (`B-work of art`), but several tags are no tag.
_ONE = r"(?:O|[BILUOESMW][-_:/|.]\S+|\S+[-_:/|.][BILUOESMW])"
SEVERAL_TAGS = re.compile(rf"{_ONE}(?:\s+{_ONE})+")
POSITION_TAG = re.compile(rf"(?!{SEVERAL_TAGS.pattern}$)(?:[BILUOESMW][-_:/|.]\S.*|\S.*[-_:/|.][BILUOESMW])")
# What files say for O that have no O.
_WORDS = frozenset(("OTHER", "NONE", "NULL", "NIL", "OUTSIDE", "OUT"))
_LABELLED = re.compile(r"[BIMELSUW][-_].")


def lone_letter(seen: Mapping[str, int]) -> str:
    """The letter that a file without O writes for it, or "".

    That is one alone (`S`) where every other tag is a position with a label (`B-ORG`), on most of the tokens.
    seen: how many tokens have a tag.
    """
    letters = [tag for tag in seen if len(tag) == 1 and tag.isalpha()]
    rest = [tag for tag in seen if tag not in letters]
    if len(letters) != 1 or not rest or letters[0] in "BIMEL" or not all(map(_LABELLED.match, rest)):
        return ""
    return letters[0] if 2 * seen[letters[0]] > sum(seen.values()) else ""


def outside_of(seen: Mapping[str, int]) -> frozenset[str]:
    """The tags that mean no entity, of those seen and how many tokens have each; O is always one of them."""
    if "O" in seen or not seen:
        return frozenset(("O",))
    if "o" in seen:
        return frozenset(("o", "O"))
    if "0" in seen and not any(tag.isdigit() for tag in seen if tag != "0"):  # a zero typed for the letter
        return frozenset(("0", "O"))
    words = {tag for tag in seen if tag.upper() in _WORDS} or {lone_letter(seen)} - {""}
    return frozenset(("O", *words)) if len(words) == 1 else frozenset(("O",))


def are_several(cell: str, words: str) -> bool:
    """Is it a tag for each of several words, and not one for all of them?"""
    return len(cell.split()) == len(words.split()) and SEVERAL_TAGS.fullmatch(cell) is not None


def is_tag(cell: str, seen: frozenset[str] = frozenset()) -> bool:
    """Does a cell look like a tag: outside, missing, with a position, or one of those already seen?"""
    return cell == "O" or cell in MISSING or cell in seen or POSITION_TAG.fullmatch(cell) is not None
