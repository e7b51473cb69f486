"""What a reader of a card or report would get."""

from __future__ import annotations

from markdown_it import MarkdownIt


def rendered_links(markdown: str) -> list[str]:
    """Links, images and HTML that a renderer would make of the text, those included that careful ones refuse."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.validateLink = lambda url: True
    tokens = parser.parse(markdown)
    every = [token for block in tokens for token in (block, *(block.children or ()))]
    return [
        str(token.attrs or token.content)
        for token in every
        if token.type in {"link_open", "image", "html_inline", "html_block"}
    ]
