"""Text that goes into Markdown: nothing in it is read as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable

_MARKS = str.maketrans(
    {"\\": "\\\\", "&": "&amp;", "<": "&lt;", ">": "&gt;", **{mark: "\\" + mark for mark in "|`*_[]"}}
)


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def plain(text: object) -> str:
    """One line that stays in its table cell and has no mark-up: no link, no code, no HTML."""
    return " ".join(str(text).translate(_MARKS).split())


def table(header: Iterable[str], rows: Iterable[Iterable[object]], right: bool = True) -> Markdown:
    """A table; the first column is text, the others are figures and stand right."""
    names = list(header)
    rule = ["---", *["---:" if right else "---"] * (len(names) - 1)]
    lines = [map(plain, names), rule, *(map(plain, row) for row in rows)]
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def harmless(text: str) -> Markdown:
    """Markdown that somebody else wrote, as it is where it holds no HTML and no link but to http, https or mailto;
    otherwise without mark-up."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # to see all links, not the harmless ones
    for block in parser.parse(text):
        for token in (block, *(block.children or ())):
            address = str(token.attrs.get("href") or token.attrs.get("src") or "#").strip().lower()
            if token.type.startswith("html") or not address.startswith(
                ("#", "http://", "https://", "mailto:")
            ):
                return Markdown("\n".join(plain(line) for line in text.splitlines()))
    return Markdown(text)
