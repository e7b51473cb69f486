"""The encodings that a language was written in before UTF-8, told apart by its letters."""

from __future__ import annotations

import re

_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي"
_LATIN2, _CYRILLIC_PAGES = ("cp1250", "iso8859_2"), ("cp1251", "koi8_r", "iso8859_5", "cp866")
# Small letters beyond ASCII, without which a text is hardly ever; and encodings, the usual one first.
_LANGUAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ru": (_CYRILLIC + "ё", _CYRILLIC_PAGES),
    "uk": (_CYRILLIC + "іїєґ", ("cp1251", "koi8_u", "iso8859_5", "cp866")),
    "bg": (_CYRILLIC, _CYRILLIC_PAGES),
    "sr": (_CYRILLIC + "ђјљњћџčćžšđ", ("cp1251", "iso8859_5", *_LATIN2)),
    "mk": (_CYRILLIC + "ѓѕјљњќџ", ("cp1251", "iso8859_5")),
    "el": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", ("cp1253", "iso8859_7")),
    "he": ("אבגדהוזחטיכךלמםנןסעפףצץקרשת", ("cp1255", "iso8859_8")),
    "ar": (_ARABIC, ("cp1256", "iso8859_6")),
    "fa": (_ARABIC + "پچژگکی", ("cp1256",)),
    "ur": (_ARABIC + "پچژگکیٹڈڑںہھے", ("cp1256",)),
    "th": ("".join(map(chr, [*range(0xE01, 0xE3B), *range(0xE40, 0xE4F)])), ("cp874",)),
    "pl": ("ąćęłńóśźż", _LATIN2),
    "cs": ("áčďéěíňóřšťúůýž", _LATIN2),
    "sk": ("áäčďéíĺľňóôŕšťúýž", _LATIN2),
    "hu": ("áéíóöőúüű", _LATIN2),
    "sl": ("čšž", _LATIN2),
    "hr": ("čćđšž", _LATIN2),
    "ro": ("ăâîşţ", _LATIN2),
    "tr": ("çğıöşüâîû", ("cp1254",)),
    "lt": ("ąčęėįšųūž", ("cp1257", "iso8859_13")),
    "lv": ("āčēģīķļņšūž", ("cp1257", "iso8859_13")),
    "et": ("äõöüšž", ("cp1257", "cp1252")),
}
_LATIN = "\u024f"  # the last Latin letter
_MIXED = re.compile(r"[^\W\d_]*(?:[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z])[^\W\d_]*")
_MOST = 0.5  # of the signs beyond ASCII are such letters, where the encoding is right; others are capitals and quotes


def of_language(raw: bytes, lang: str) -> str | None:
    """The encoding of the language in which most of what is beyond ASCII are its letters; None where that is none of them."""
    letters, encodings = _LANGUAGES.get(lang, ("", ()))
    best, share = None, 0.0
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if letters[0] > _LATIN:  # an accented letter of a Western word is none of another script
            text = _MIXED.sub("\ufffd", text)
        beyond = [sign for sign in text if not sign.isascii()]
        right = sum(sign in letters for sign in beyond) / max(1, len(beyond))
        if right > share:
            best, share = encoding, right
    return best if share >= _MOST else None


def words_beyond_ascii(raw: bytes) -> bytes:
    """The words that have a byte beyond ASCII, with spaces between."""
    return b" ".join(re.findall(rb"[^\s\x00-\x20]*[\x80-\xff][^\s\x00-\x20]*", raw))
