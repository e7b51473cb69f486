"""SGML as MUC and ACE's time have it, made XML: attributes without quotes, elements that nothing closes, a bare &."""

from __future__ import annotations

import html
import re
from collections import Counter
from xml.sax.saxutils import escape, quoteattr

from cloudner.corpus.formats.xml.labels import label_of

NAME = r"[A-Za-z_][\w.:-]*"
BARE = r"[^\s\"'<>=/]+"  # a value without quotes
_VALUE = rf"\"[^\"<]*\"|'[^'<]*'|{BARE}"
_TAG = re.compile(
    rf"<(?P<close>/?)(?P<name>{NAME})(?P<attrs>(?:\s+[\w:.-]+(?:\s*=\s*(?:{_VALUE}))?)*)\s*(?P<empty>/?)>"
)
_ATTRIBUTE = re.compile(rf"([\w:.-]+)(?:\s*=\s*({_VALUE}))?")
# Comments and the like. A comment ends its search at the next one, so that many which nothing closes cost no time.
_ASIDE = re.compile(r"<!--(?:[^<]|<(?!!--))*?-->|<!DOCTYPE\s[^\[\]<>]*>|<\?[^<>]*\?>")
_REFERENCE = re.compile(r"&(?:#\d+|#x[0-9A-Fa-f]+|(?:amp|lt|gt|quot|apos));")


def as_xml(text: str) -> str:
    """The text with every line where it was. Elements that divide a text and are closed nowhere (`<p>`) are left out;
    what opens and does not close beyond them is still no XML."""
    closed = Counter(tag["name"] for tag in _TAG.finditer(text) if tag["close"])
    pieces, at = [], 0
    for match in _marks(text):
        pieces += [_plain(text[at : match.start()]), _mark(match, closed)]
        at = match.end()
    return "".join([*pieces, _plain(text[at:])])


def _marks(text: str) -> list[re.Match[str]]:
    """Tags and what is none of the text either, in order."""
    asides = list(_ASIDE.finditer(text))
    covered = [(match.start(), match.end()) for match in asides]
    tags, index = [], 0
    for tag in _TAG.finditer(text):
        while index < len(covered) and covered[index][1] <= tag.start():
            index += 1
        if index == len(covered) or tag.end() <= covered[index][0]:
            tags.append(tag)
    return sorted([*asides, *tags], key=lambda match: match.start())


def _mark(match: re.Match[str], closed: Counter[str]) -> str:
    if match.re is _ASIDE:
        return match[0]
    name = match["name"]
    breaks = "\n" * match[0].count("\n")
    if match["close"]:
        return f"</{name}{breaks}>"
    values = ((m[1], (m[2] or m[1]).strip("\"'")) for m in _ATTRIBUTE.finditer(match["attrs"]))
    attrs = {key: quoteattr(html.unescape(value)) for key, value in values}
    if not match["empty"] and not closed[name] and label_of(name, dict.fromkeys(attrs, "")) is None:
        return breaks or " "
    return (
        f"<{name}" + "".join(f" {key}={value}" for key, value in attrs.items()) + f"{breaks}{match['empty']}>"
    )


def _plain(text: str) -> str:
    """Text between tags, with & and < that are text written so."""
    pieces, at = [], 0
    for match in _REFERENCE.finditer(text):
        pieces += [_escaped(text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*pieces, _escaped(text[at:])])


def _escaped(text: str) -> str:
    named = re.sub(r"&\w{1,31};", lambda match: html.unescape(match[0]), text)
    return escape(named)
