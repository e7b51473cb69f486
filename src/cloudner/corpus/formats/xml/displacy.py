"""The pages that spaCy's displaCy renders of entities: a text with <mark class="entity"> in it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.errors import InputError

_OPEN = re.compile(r"""<div\b[^>]*\bclass\s*=\s*["']entities["'][^>]*>""")
_CLOSE = "</div>"
_TITLE = re.compile(r"<h2\b[^>]*>([^<]*)</h2>\s*$")
# displaCy puts line ends and indentation around an entity, its words and its label; minified pages have none.
_ENTITY = re.compile(
    r"""\n?<mark\b[^>]*\bclass\s*=\s*["']entity["'][^>]*>\s*(?P<text>[^<]*?)\s*"""
    r"<span\b[^>]*>(?P<label>[^<]*)(?:<a\b[^>]*>[^<]*</a>\s*)?</span>\s*</mark>\n?"
)
_BREAK = re.compile(r"</?br\s*/?>")


def _sniff(sample: Sample) -> Match | None:
    if _OPEN.search(sample.text) and re.search(r"""<mark\b[^>]*class\s*=\s*["']entity["']""", sample.text):
        return Match(0.98, '<mark class="entity"> in <div class="entities"> (displaCy)')
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record for each document of the page; its title, where it has one, is in the meta data."""
    page = source.text().replace("\r\n", "\n")
    before, line = 0, 1
    for opening in _OPEN.finditer(page):
        end = page.find(_CLOSE, opening.end())
        line += page.count("\n", before, opening.start())
        title = _TITLE.search(page[before : opening.start()])
        if end < 0:
            raise InputError(
                "a document without its end", file=source.name, line=line, expected=f"{_CLOSE} behind it"
            )
        record = _record(page[opening.end() : end], source.name, line)
        if title is not None:
            record.meta["title"] = html.unescape(title[1]).strip()
        yield record
        line += page.count("\n", opening.start(), end)
        before = end
    if not before:
        raise InputError("no document in it", file=source.name, line=1, expected='<div class="entities">')


def _record(content: str, file: str, line: int) -> Record:
    record = Record(file, line, "")
    text, at = "", 0
    for match in _ENTITY.finditer(content):
        text += _plain(content[at : match.start()], file, line)
        words, label = html.unescape(match["text"]), html.unescape(match["label"]).strip()
        record.spans.append(SpanRecord(len(text), len(text) + len(words), label))
        text += words
        at = match.end()
    record.text = text + _plain(content[at:], file, line)
    return record


def _plain(part: str, file: str, line: int) -> str:
    """The text between two entities. Raises InputError for elements in it."""
    part = _BREAK.sub("\n", part)
    tag = re.search(r"<[^>]*>?", part)
    if tag is not None:
        raise InputError(
            f"{tag[0][:60]} in the text",
            file=file,
            line=line,
            expected='<mark class="entity">WORDS<span>LABEL</span></mark>',
        )
    return html.unescape(part)


_EXAMPLE = """<div class="entities" style="line-height: 2.5; direction: ltr">
<mark class="entity" style="background: #ddd">
    Marie Curie
    <span style="font-size: 0.8em">PER</span>
</mark>
 was born in \n<mark class="entity" style="background: #ff9561">
    Warsaw
    <span style="font-size: 0.8em">LOC</span>
</mark>
.</div>
"""
DISPLACY = Format(
    "displacy",
    "displaCy's HTML of entities",
    (".html", ".htm"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
