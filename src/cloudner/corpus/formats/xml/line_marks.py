"""What corpora of a line a sentence do with the elements around their entities that XML does not."""

from __future__ import annotations

import re

from cloudner.corpus.contract import Record, Sample
from cloudner.corpus.formats.xml.sgml import NAME

# <b_enamex TYPE="PERSON">Ahmet Kaya<e_enamex>: the Turkish corpora of news
_BEGINS = re.compile(r"<b_(enamex|timex|numex)\b([^<>]*)>", re.IGNORECASE)
_ENDS = re.compile(r"<e_(enamex|timex|numex)>", re.IGNORECASE)
# Elements with a space on both sides of a tag: <pers> Jean <name> Dupont </name> </pers> est (Quaero)
_OPENED = re.compile(rf"(?:^|(?<=[ \t]))(?:<{NAME}(?:\s[^<>]*)?(?<!/)>[ \t]+)+")
_CLOSED = re.compile(rf"(?:[ \t]+</{NAME}>)+(?=[ \t]|$)")
_BAR = "|"


def as_elements(text: str) -> str:
    """The text with <b_enamex ...> and <e_enamex> as <enamex ...> and </enamex>."""
    if "<b_" not in text and "<B_" not in text:
        return text
    return _ENDS.sub(r"</\1>", _BEGINS.sub(r"<\1\2>", text))


def unpadded(line: str) -> str:
    """The line without the spaces within elements that have such outside too."""
    if "> " not in line:
        return line
    return _CLOSED.sub(_joined, _OPENED.sub(_joined, line))


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"(?:(?<=>)[ \t]+|[ \t]+(?=</))", "", match[0])


def has_barred_words(sample: Sample) -> bool:
    """Does a bar end every line, and part its words (BEST's Thai)?"""
    lines = [line for line in sample.lines[:200] if line.strip()]
    return bool(lines) and all(line.rstrip().endswith(_BAR) and line.count(_BAR) > 1 for line in lines)


def without_bars(record: Record) -> Record:
    """The record with the words between its bars as tokens, which nothing stands between but the spaces that are words."""
    text = record.text or ""
    before = [0]  # how many characters of the new text stand before each one of the old
    for sign in text:
        before.append(before[-1] + (sign != _BAR))
    words = [word for word in text.split(_BAR) if word]
    record.tokens, record.spaces = words, [False] * len(words)
    record.text = "".join(words)
    record.spans = [span._replace(start=before[span.start], end=before[span.end]) for span in record.spans]
    return record
