"""The report as one HTML file that loads nothing: style, script, charts and data are all inside.

Everything that comes from data, a model or a log is escaped where it enters the page; besides, the page's content
security policy lets no script run but its own, known by its hash, and no request go anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from spacy import displacy

from cloudner.report import run_sections, sections
from cloudner.report.errors import DESCRIPTIONS, KINDS, EntityError, count_kinds
from cloudner.report.markup import short_name

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation

PALETTE = 10  # label colours in report.css
# displaCy fills this in for every entity of a context; {ent} is our own parameter.
ENTITY_TEMPLATE = '<mark class="{ent}">{text}<span class="tag">{label}</span></mark>'


def evaluation_html(evaluation: Evaluation, *, max_errors: int = 5000) -> str:
    """The whole page. At most `max_errors` mistakes are written into it, spread evenly; the page says so."""
    page = files("cloudner.report") / "page"
    script = (page / "report.js").read_text(encoding="utf-8")
    charts, chart_data = run_sections.training(evaluation.log)
    shown = _spread(evaluation.errors, max_errors)
    colours = label_colours(evaluation)
    data = {
        "errors": [error_row(error, colours) for error in shown],
        "kinds": {kind: DESCRIPTIONS[kind] for kind in KINDS},
        "charts": chart_data,
    }
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _fill(
        (page / "report.html").read_text(encoding="utf-8"),
        {
            "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
            "img-src data:; base-uri 'none'; form-action 'none'",
            "title": escape(short_name(evaluation.model)),
            "style": (page / "report.css").read_text(encoding="utf-8"),
            "script": script,
            "data": script_json(data),
            "subtitle": sections.subtitle(evaluation),
            "notes": sections.notes(evaluation),
            "cards": sections.cards(evaluation),
            "averages": sections.averages(evaluation),
            "labels": sections.labels(evaluation, colours),
            "confusion": sections.confusion_matrix(evaluation),
            "breakdown": sections.breakdown(evaluation),
            "schemes": sections.schemes(evaluation),
            "calibration": sections.calibration(evaluation),
            "comparison": sections.comparison(evaluation),
            "training": charts,
            "run": run_sections.run(evaluation),
            "error_filters": _kind_filters(evaluation),
            "label_options": _label_options(evaluation),
            "error_total": _error_total(len(shown), len(evaluation.errors)),
        },
    )


def label_colours(evaluation: Evaluation) -> dict[str, int]:
    """A palette index for each label."""
    return {label: i % PALETTE for i, label in enumerate(evaluation.strict.per_label)}


def error_row(error: EntityError, colours: dict[str, int]) -> dict[str, Any]:
    """What the page's script needs of one mistake; `g` and `p` are ready HTML, all else is plain text."""
    return {
        "k": error.kind,
        "gl": error.gold.label if error.gold else "",
        "pl": error.predicted.label if error.predicted else "",
        "gt": error.gold_text,
        "pt": error.predicted_text,
        "c": None if error.confidence is None else round(error.confidence, 4),
        "d": error.document,
        "s": error.source,
        "x": " ".join(error.context.split()),
        "g": highlight(error, error.gold_ents, error.gold, colours),
        "p": highlight(error, error.predicted_ents, error.predicted, colours),
    }


def highlight(
    error: EntityError, ents: list[tuple[int, int, str]], focus: Any, colours: dict[str, int]
) -> str:
    """The context with its entities marked by displaCy; the mistaken one carries the class `focus`."""
    start = None if focus is None else focus.start_char - error.context_start
    spans = [
        {
            "start": span_start,
            "end": span_end,
            # displaCy escapes texts, but writes labels as they are.
            "label": escape(label),
            "params": {"ent": f"ent l{colours.get(label, 0)}" + (" focus" if span_start == start else "")},
        }
        for span_start, span_end, label in ents
    ]
    markup = _renderer().render_ents(error.context, spans, None)
    # displaCy wraps the text in a <div> with its own inline style, which the page's style sheet replaces.
    return re.sub(r"^\s*<div[^>]*>|</div>\s*$", "", markup).strip()


@cache
def _renderer() -> displacy.EntityRenderer:
    return displacy.EntityRenderer(options={"template": ENTITY_TEMPLATE})


def script_json(data: Any) -> str:
    """JSON that can stand inside a <script> element: nothing in it can end the element or start a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _fill(template: str, values: dict[str, str]) -> str:
    # One pass, so that braces inside a value are never taken for a place to fill.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match.group(1)], template)


def _spread(errors: list[EntityError], limit: int) -> list[EntityError]:
    if len(errors) <= limit:
        return errors
    return [errors[i * len(errors) // limit] for i in range(limit)]


def _kind_filters(evaluation: Evaluation) -> str:
    parts = []
    for kind, count in count_kinds(evaluation.errors).items():
        parts.append(
            f'<button type="button" class="chip k-{kind}" data-kind="{kind}" aria-pressed="true" '
            f'title="{escape(DESCRIPTIONS[kind])}">{kind} <b>{count:,}</b></button>'
        )
    return "".join(parts)


def _label_options(evaluation: Evaluation) -> str:
    return "".join(
        f'<option value="{escape(label)}">{escape(label)}</option>' for label in evaluation.strict.per_label
    )


def _error_total(shown: int, total: int) -> str:
    if shown == total:
        return f"{total:,} mistakes."
    return f"{shown:,} of {total:,} mistakes are in this page, spread evenly; the JSON file has all of them."
