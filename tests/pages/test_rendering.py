"""Templates escape what they are given; JSON and Markdown stay what they are."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest

import cloudner.pages
from cloudner.pages.markdown import harmless, plain, table
from cloudner.pages.rendering import html, markdown, policy, script_json
from rendered import rendered_links

TEMPLATES = Path(cloudner.pages.__file__).parent / "templates"


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        html("inspection.html")
    with pytest.raises(jinja2.UndefinedError):
        markdown("card.md")


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.*")), ids=lambda path: path.name)
def test_templates_switch_no_escaping_off_and_link_to_themselves_alone(path):
    text = path.read_text(encoding="utf-8")
    assert "|safe" not in text.replace(" ", "")
    assert "autoescape" not in text
    # The service's page is served with its script; every other page is one file.
    text = text.replace('src="page.js"', "") if path.name == "service.html" else text
    for word in ("http:", "https:", "javascript:", "url(", "@import", "src="):
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word


def test_json_in_a_script_element_reads_back_as_it_was():
    value = {"a": ["</script>", "<!--", "&", "\u2028", "\u2029", "中文"]}
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_no_script_runs_where_a_page_has_none():
    assert "script-src" not in policy()
    assert "default-src 'none'" in policy()


@pytest.mark.parametrize(
    "text", ["[a](javascript:b)", "<b>", "a\n\n# b", "a | b", "`x`", "&lt;b", "\\[a](b)", "*x* _y_"]
)
def test_plain_text_is_shown_as_it_is(text):
    """Rendered, a cell has the text and no mark-up."""
    from html import unescape

    from markdown_it import MarkdownIt

    shown = MarkdownIt("commonmark").enable("table").render(table(["h"], [[text]]))
    cell = shown.split("<td>")[1].split("</td>")[0]
    assert "<" not in cell
    assert unescape(cell) == " ".join(text.split())
    assert "\n" not in plain(text)


@pytest.mark.parametrize("text", ["[a](javascript:b)", "![a](data:b)", "<b>x</b>", "<script>x</script>", "[a][1]\n\n[1]: vbscript:b",
                                  "[a](&#106;avascript:b)", "[a]( JAVASCRIPT:b)", "[a](../secret)"])  # fmt: skip
def test_what_others_wrote_has_no_link_that_runs(text):
    assert rendered_links(harmless(text)) == []


@pytest.mark.parametrize("text", ["*a* [b](https://c.org)\n\n- d", "`javascript:` is a scheme", "a & b"])
def test_what_others_wrote_is_kept_where_it_is_harmless(text):
    assert harmless(text) == text
