"""People's Daily (PKU, PFR): `[中国/ns 政府/n]nt`, a paragraph a line, names by their part of speech or in brackets.

LAC writes the same with labels in the place of the names' parts of speech: `玛丽/PER 在/p 华沙/LOC 出生/v`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between, span_over
from cloudner.errors import InputError

_PARAGRAPH = re.compile(r"\d{8}-\d{2}-\d{3}-\d{3}")
# A word, its part of speech and in some editions its reading in braces; a bracket ends as `]nt` or, in the corpus of 2014, `]/nt`.
_READING = r"(?:\{[^}]*\})?"
_TOKEN = re.compile(
    rf"(?P<open>\[*)(?P<word>.+?){_READING}/(?P<pos>[A-Za-z]+\d?){_READING}(?P<close>(?:\]/?[A-Za-z]+\d?)*)"
)
_LONGEST = 200  # characters of a word with its tags; the pattern tries each way to part a run of brackets
_CLOSE = re.compile(r"\]/?([A-Za-z]+\d?)")
# People, places, organisations, other proper names; of brackets also everything else that is marked so.
_NAMES = ("nr", "ns", "nt", "nz")
_LAC = ("PER", "LOC", "ORG", "TIME")


def _label(pos: str) -> str | None:
    """The kind of name a part of speech stands for: nrf and nr1 are names of people, nsf of places."""
    if pos in _LAC:
        return pos
    return pos[:2] if pos[:2] in _NAMES else None


def _token(part: str) -> re.Match[str] | None:
    return _TOKEN.fullmatch(part) if len(part) <= _LONGEST else None


def _tokens(line: str) -> list[re.Match[str]] | None:
    matches = [_token(token) for token in line.split()]
    return [m for m in matches if m] if matches and all(matches) else None


def sniff(sample: Sample) -> Match | None:
    lines = [line for line in sample.lines[:200] if line.strip()]
    tagged = [tokens for tokens in map(_tokens, lines) if tokens]
    if not tagged or len(tagged) < 0.9 * len(lines):
        return None
    tokens = [token for line in tagged for token in line]
    words = [token["word"] for token in tokens[:2000]]
    if not is_unspaced("".join(word for word in words if not _PARAGRAPH.fullmatch(word))):
        return None
    named = sorted({token["pos"] for token in tokens if _label(token["pos"])})
    if not named or not any(token["pos"] in ("w", "u", "v") for token in tokens):
        return None
    corpus = "LAC" if set(named) & set(_LAC) else "People's Daily"
    return Match(0.93, f"word/pos with names as {', '.join(named[:4])} ({corpus})")


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a line. A surname and the given name after it, which the corpus parts, are one name.

    Raises InputError (file, line) for a token without its part of speech and a bracket that is not closed.
    """
    found = False
    for number, line in source.lines():
        if line.strip():
            record = _record(source.name, number, line)
            if record.tokens:
                found = True
                yield record
    if not found:
        raise InputError("no word in the file", file=source.name, expected="迈向/v 充满/v [中国/ns 政府/n]nt")


def _record(file: str, number: int, line: str) -> Record:
    def error(found: str) -> InputError:
        expected = "word/pos, names of several words as [中国/ns 政府/n]nt"
        return InputError(found, file=file, line=number, expected=expected, fix="mend the line")

    record = Record(file, number)
    words: list[str] = []
    found: list[tuple[int, int, str]] = []  # first word, the one after the last, kind
    opened: list[int] = []
    before = ""  # kind of the word before, where a given name may follow it
    for part in line.split():
        token = _token(part)
        if token is None:
            raise error(f"{part[:40]!r}")
        if not words and _PARAGRAPH.fullmatch(token["word"]):
            record.meta["id"] = token["word"]
            continue
        opened += [len(words)] * len(token["open"])
        label = _label(token["pos"])
        if label == "nr" and before == "nr" and not token["open"]:
            found[-1] = (found[-1][0], len(words) + 1, "nr")
            before = ""
        else:
            if label:
                found.append((len(words), len(words) + 1, label))
            before = label if label == "nr" and len(token["word"]) <= 2 and not token["close"] else ""
        words.append(token["word"])
        for kind in _CLOSE.findall(token["close"]):
            if not opened:
                raise error(f"{part[:40]!r} closes a bracket that nothing opened")
            found.append((opened.pop(), len(words), _label(kind) or kind))
    if opened:
        raise error(f"the bracket before {words[opened[-1]]!r} is not closed")
    record.tokens, record.spaces = words, spaces_between(words)
    record.text, starts = join(words, record.spaces)
    record.spans = [span_over(words, starts, a, b, kind) for a, b, kind in found]
    record.spans.sort(key=lambda span: (span.start, -span.end))
    return record


_EXAMPLE = "19980101-01-001-001/m 王/nr 小明/nr 为/p [人民/n 日报/n]nt 写作/v 。/w\n"
PEOPLES_DAILY = Format(
    "peoples-daily",
    "People's Daily (PKU) and LAC: word/pos, names of several words in brackets",
    (".txt",),
    sniff,
    read,
    example=_EXAMPLE,
)
