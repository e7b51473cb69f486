"""Label Studio's HTML tasks: the text a browser shows, and where in it the offsets of regions point."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from cloudner.corpus.align.offsets import OffsetMap, same
from cloudner.corpus.contract import Record, SpanRecord

_BLOCKS = {
    "p", "div", "br", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "table", "ul", "ol",
}  # fmt: skip


class Page(HTMLParser):
    """A page of HTML as its text. `text`: what an annotator sees, tags left out, each block on a line of its own.

    Label Studio counts a page's text nodes in UTF-16 code units, with one for each `<br>` (`globalOffsets`): not the line
    ends that part the blocks here, without which words of neighbouring blocks would run together.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._size = self._counted = 0
        self._hidden = 0
        # Where each part begins, as Label Studio counts and in `text`.
        self._begins: list[int] = []
        self._at: list[int] = []
        self._counts: list[OffsetMap] = []
        self.feed(html)
        self.close()
        self.text = "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("script", "style", "title")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "title") and self._hidden > 0
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._begins.append(self._counted)
            self._at.append(self._size)
            self._counts.append(OffsetMap(data))
            self._counted += len(data.encode("utf-16-le", "surrogatepass")) // 2
            self._add(data)

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS and self._parts and not self._parts[-1][-1:].isspace():
            self._add("\n")
        self._counted += tag == "br"

    def _add(self, part: str) -> None:
        if part:
            self._parts.append(part)
            self._size += len(part)

    def place(self, spans: Sequence[SpanRecord]) -> list[SpanRecord]:
        """The spans, counted as Label Studio does, at their places in `text`.

        As they are where the words stored beside them stand at the offsets as often so: older exports, and other tools'
        that write this format, count the text itself.
        """
        moved = [span._replace(start=self._start(span.start), end=self._end(span.end)) for span in spans]
        kept = sum(self._fits(span) for span in spans)
        return moved if not kept or sum(map(self._fits, moved)) > kept else list(spans)

    def _fits(self, span: SpanRecord) -> bool:
        return span.surface is not None and same(self.text[span.start : span.end], span.surface)

    def _start(self, offset: int) -> int:
        return self._within(bisect_right(self._begins, offset) - 1, offset)

    def _end(self, offset: int) -> int:
        # an end is that of the part before, not the beginning of the next one
        return self._within(bisect_left(self._begins, offset) - 1, offset)

    def _within(self, part: int, offset: int) -> int:
        if part < 0:
            return offset
        counted = offset - self._begins[part]
        inside = self._counts[part].convert(counted, "offsets-utf16")
        return self._at[part] + (counted if inside is None else inside)


def shown(record: Record, hyper: bool) -> None:
    """Makes a record of HTML one of the text that was shown. hyper: do its regions point into a page? Else their words tell."""
    text = record.text or ""
    elsewhere = any(span.surface and text[span.start : span.end] != span.surface for span in record.spans)
    if hyper or ("<" in text and ">" in text and elsewhere):
        page = Page(text)
        if page.text.strip():
            record.text, record.spans = page.text, page.place(record.spans)
