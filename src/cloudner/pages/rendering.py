"""Fills the templates. Autoescaping is on for HTML, and for Markdown whatever is not `Markdown` is escaped too."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cloudner.pages import numbers
from cloudner.pages.markdown import Markdown, plain, table


def html(template: str, **values: Any) -> str:
    """The page of this template; values are escaped unless they are `Markup`."""
    return _environment(True).get_template(template).render(values)


def markdown(template: str, **values: Any) -> str:
    """The Markdown of this template, its blocks one blank line apart; values are escaped unless they are `Markdown`."""
    text = _environment(False).get_template(template).render(values)
    blocks: list[str] = []
    for line in text.splitlines():
        if line.strip() or (blocks and blocks[-1].strip()):
            blocks.append(line.rstrip())
    return "\n".join(blocks).rstrip() + "\n"


@cache
def _environment(for_html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("cloudner.pages"),
        autoescape=for_html,
        finalize=None if for_html else _finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=numbers.percent,
        count=numbers.count,
        number=numbers.number,
        scores=numbers.scores,
        times=numbers.times,
    )
    environment.globals["markdown_table"] = table
    environment.tests["figure"] = numbers.is_figure
    return environment


def _finalize(value: Any) -> str:
    return value if isinstance(value, Markdown) else plain(value)


def asset(name: str) -> Markup:
    """A style sheet or script of ours."""
    return Markup((files("cloudner.pages") / "templates" / name).read_text(encoding="utf-8"))


def policy(script: str | None = None) -> Markup:
    """A content security policy: nothing loads, and no script runs but this one, known by its hash."""
    rules = ["default-src 'none'", "style-src 'unsafe-inline'"]
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        rules += [f"script-src 'sha256-{digest}'", "img-src data:"]
    return Markup("; ".join([*rules, "base-uri 'none'", "form-action 'none'"]))


def script_json(data: Any) -> Markup:
    """JSON that can stand inside a <script> element: nothing in it can end the element or start a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)
