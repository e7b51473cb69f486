"""Which text encoding a file has, and what to say when it does not keep to it."""

from __future__ import annotations

import codecs
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from cloudner.corpus.files.code_pages import of_language, words_beyond_ascii
from cloudner.corpus.files.names import base_name
from cloudner.errors import InputError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# zlib (.spacy), Parquet, Arrow files and streams
_BINARY = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
_SCAN_BYTES = 64 * 1024 * 1024  # how much of a file is looked at before UTF-8 is believed
_GUESS_BYTES = 256 * 1024
# A well-formed sequence of two to four bytes: hardly ever met by chance in another encoding.
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def detect_encoding(open_bytes: Callable[[], IO[bytes]], name: str, lang: str = "") -> str:
    """A Python codec name for the file: byte order mark, UTF-8, UTF-16 without a mark, or a guess: the encoding of `lang`
    that has its letters, or charset-normalizer's.

    Raises InputError when UTF-8 and another encoding are mixed in one file.
    """
    with open_bytes() as stream:
        block = stream.read(1 << 20)
        for mark, encoding in _BOMS:
            if block.startswith(mark):
                return encoding
        if block.startswith(_BINARY) and any(byte < 9 for byte in block[:4096]):
            return "utf-8"  # read as bytes; the sample's text is of no use
        head = block[:4096]
        nuls = head.count(b"\x00")
        if nuls > len(head) // 5:
            even, odd = head[0::2].count(b"\x00"), head[1::2].count(b"\x00")
            if odd > 4 * even:
                return "utf-16-le"
            if even > 4 * odd:
                return "utf-16-be"
        if nuls:
            return "utf-8"  # a binary format, or an error that its reader reports
        decoder = codecs.getincrementaldecoder("utf-8")()
        seen, good = 0, 0
        around = b""
        while block:
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                around = block[max(0, error.start - _GUESS_BYTES // 2) :][:_GUESS_BYTES]
                good += len(_MULTIBYTE.findall(block))
                break
            seen += len(block)
            good += 0 if good > 100 or block.isascii() else len(_MULTIBYTE.findall(block))
            if seen >= _SCAN_BYTES:
                return "utf-8"
            block = stream.read(1 << 20)
        else:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                around = b""  # cut in the middle of a character: UTF-8 all the same
            return "utf-8"
    bad = sum(1 for _ in re.finditer(rb"[\x80-\xff]", _MULTIBYTE.sub(b"", around)))
    if good and good >= bad:
        return "utf-8"  # UTF-8 with damage; reading it tells the line
    guess = guess_encoding(around, lang)
    if guess is None:
        raise InputError(
            "the text encoding cannot be recognised",
            file=name,
            expected="UTF-8",
            fix="--encoding NAME (cp1252, latin-1, gb18030, shift_jis, ...)",
        )
    return guess


def guess_encoding(raw: bytes, lang: str = "") -> str | None:
    """The best guess for bytes that are not UTF-8, or None: an encoding of the language `lang`, else charset-normalizer's."""
    if known := of_language(raw, lang):
        return known
    from charset_normalizer import from_bytes

    if _western(raw):  # a few accents in a short file are too little for statistics
        return "cp1252"
    # tags and other ASCII between the words of columns are too much for statistics
    best = from_bytes(raw).best() or from_bytes(words_beyond_ascii(raw)).best()
    if best is None:
        return None
    # The windows code page holds every printable character of the ISO one, and is what real files are in.
    return {"latin_1": "cp1252", "iso8859_1": "cp1252"}.get(best.encoding, best.encoding)


# Accented letters of Western European text, and signs, in cp1252.
_LETTERS = "äöüßÄÖÜéèêëàâçîïôûùÉÈÀÇñáíóúåæøÅÆØãõìòÃÕÁÂÊËÌÍÎÏÑÒÓÔÙÚÛÿœŒðÐþÞ".encode("cp1252")
_SIGNS = "€’‘‚“”„–—…•«»‹›°§ª²³´·½¼¾¹º¡¿®™©£¢¥¤×÷±µ¶¦¬†‡‰¨¸ˆ˜\u00a0\u00ad".encode("cp1252")
# Other code pages have letters where cp1252 has signs, and several letters in a row where the whole script is theirs;
# a pound sign before letters is a Polish L.
_NOT_WESTERN = re.compile(
    rb"[A-Za-z][%s][A-Za-z%s]|[\x80-\xff]{3}|\xa3[A-Za-z]|(?<![A-Za-z])[\xb3\xb9\x9c\x9f\xbf][a-z]"
    % (re.escape(_SIGNS.translate(None, b"\x92\x96\x97\xad\xb7\xd7")), re.escape(_LETTERS))
)
# Letters that are rarer in the West than what cp1250 has in their places.
_RARE = frozenset("ðÐþÞÌÒÙ".encode("cp1252"))


def _western(raw: bytes) -> bool:
    """Is this text as Western Europeans write it in cp1252: ASCII, and here and there an accented letter or a sign?"""
    high = {byte for byte in raw if byte > 127}
    known = high <= {*_LETTERS, *_SIGNS} and not _NOT_WESTERN.search(raw)
    return bool(high) and known and _common(raw)


def _common(raw: bytes) -> bool:
    """Do the bytes outside ASCII stand where Western letters and signs do: seldom, most of them common ones?"""
    high = [byte for byte in raw if byte > 127]
    return 5 * len(high) < len(raw) and 2 * sum(byte in _RARE for byte in high) <= len(high) + 2


class Encodings:
    """Text encodings by source: `NAME` for all, or `PATTERN=NAME` for those whose path or name the pattern fits.

    The first pattern that fits decides; sources that none fits are looked at, knowing the language `lang`. Raises InputError for an encoding that
    Python does not know.
    """

    def __init__(self, given: str | Iterable[str] | None, lang: str = "") -> None:
        self.lang = lang
        texts = [given] if isinstance(given, str) else list(given or ())
        self.rules: list[tuple[str, str]] = []
        for text in texts:
            pattern, equals, name = text.rpartition("=")
            try:
                "a".encode(name)  # some codecs are of no text (base64)
            except (LookupError, ValueError) as error:
                raise InputError(
                    f"no text encoding is called {name!r}",
                    expected="NAME or PATTERN=NAME",
                    fix="--encoding utf-8, or --encoding 'old/*.csv=cp1252'",
                ) from error
            self.rules.append((pattern if equals else "*", name))

    def of(self, name: str) -> str | None:
        """The encoding of the source of that name, or None where nobody said."""
        path = name.replace("\\", "/")
        base = base_name(path)
        for pattern, encoding in self.rules:
            if any(fnmatch.fnmatch(each, pattern) for each in (path, base)) or path.endswith("/" + pattern):
                return encoding
        return None


def words_outside_ascii(text: str, count: int = 3) -> list[str]:
    """The first different words with a letter outside ASCII, as they were decoded."""
    found: dict[str, None] = {}
    for match in re.finditer(r"\S*[^\x00-\x7f]\S*", text):
        found[match[0].strip("\"'.,;:()[]{}")[:30]] = None
        if len(found) == count:
            break
    return list(found)


@contextmanager
def decode_errors(name: str, encoding: str, open_bytes: Callable[[], IO[bytes]]) -> Iterator[None]:
    """Turns a UnicodeDecodeError within the block into an InputError that names the line and the byte."""
    try:
        yield
    except UnicodeDecodeError as error:
        line, byte = _first_bad(encoding, open_bytes)
        bad = error.object[error.start : error.start + 1].hex() if byte is None else f"{byte:02x}"
        damaged = encoding.lower().startswith("utf")
        raise InputError(
            f"the byte 0x{bad} is not {encoding}",
            file=name,
            line=line,
            expected="one text encoding from beginning to end",
            fix=f"look at line {line}: most of the file is {encoding}, this is damage or a line of another file"
            if damaged
            else "--encoding NAME, where that is another one",
        ) from error


def _first_bad(encoding: str, open_bytes: Callable[[], IO[bytes]]) -> tuple[int | None, int | None]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with open_bytes() as stream:
        while block := stream.read(1 << 16):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n"), error.object[error.start]
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return line, error.object[error.start]
    return None, None
