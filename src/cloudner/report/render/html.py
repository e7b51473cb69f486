"""The report as one HTML file that loads nothing: style, script, charts and data are all inside.

Everything that comes from data, a model or a log is escaped where it enters the page; besides, the page's content
security policy lets no script run but its own, known by its hash, and no request go anywhere.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import PurePath
from typing import Any

from spacy import displacy

from cloudner.pages.rendering import asset, html, policy, script_json
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.mistakes import DESCRIPTIONS, KINDS, NOTHING, EntityError, count_kinds
from cloudner.report.render.facts import comparison_facts, confidence_facts, run_cards
from cloudner.report.render.reliability import reliability_chart
from cloudner.report.render.training_curves import training_curves

PALETTE = 10  # label colours in evaluation.css
# displaCy fills this in for every entity of a context; {ent} is our own parameter.
ENTITY_TEMPLATE = '<mark class="{ent}">{text}<span class="tag">{label}</span></mark>'


def evaluation_html(evaluation: EvaluationData, *, max_errors: int = 5000) -> str:
    """The whole page. At most `max_errors` mistakes are written into it, spread evenly; the page says so."""
    script = asset("evaluation.js")
    shown = _spread(evaluation.errors, max_errors)
    colours = label_colours(evaluation)
    curves = training_curves(evaluation.log)
    data = {
        "errors": [error_row(error, colours) for error in shown],
        "kinds": {kind: DESCRIPTIONS[kind] for kind in KINDS},
        "charts": {curve.key: curve.data for curve in curves},
    }
    calibration = evaluation.calibration
    return html(
        "evaluation.html",
        policy=policy(script),
        style=asset("evaluation.css"),
        script=script,
        data=script_json(data),
        evaluation=evaluation,
        title=short_name(evaluation.model),
        data_names=[short_name(path) for path in evaluation.data],
        colours=colours,
        matrix=_matrix(evaluation),
        shown=len(shown),
        kinds=[
            {"name": kind, "count": count, "meaning": DESCRIPTIONS[kind]}
            for kind, count in count_kinds(evaluation.errors).items()
        ],
        comparison=_comparison(evaluation),
        reliability=None if calibration is None else reliability_chart(calibration.bins),
        confidence_facts=confidence_facts(evaluation),
        plots=curves,
        run_cards=run_cards(evaluation),
    )


def evaluation_summary(evaluation: EvaluationData) -> str:
    """The scores as a piece of HTML, for a notebook's cell: no style, no script."""
    strict = evaluation.strict
    return html(
        "summary.html",
        evaluation=evaluation,
        title=short_name(evaluation.model),
        data_names=[short_name(path) for path in evaluation.data],
        rows=[("all", strict.micro), *strict.per_label.items()],
    )


def short_name(model: str) -> str:
    """`training/model-best` of a long path, the name of an installed pipeline as it is."""
    return "/".join(PurePath(model).parts[-2:]) if "/" in model or "\\" in model else model


def label_colours(evaluation: EvaluationData) -> dict[str, int]:
    """A palette index per label."""
    return {label: i % PALETTE for i, label in enumerate(evaluation.strict.per_label)}


def error_row(error: EntityError, colours: dict[str, int]) -> dict[str, Any]:
    """The data of one mistake for the page's script; `g` and `p` are ready HTML, all else is plain text."""
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
        for span_start, span_end, label in _apart(ents, start)
    ]
    markup = _renderer().render_ents(error.context, spans, None)
    # displaCy wraps the text in a <div> with its own inline style, which the page's style sheet replaces.
    return re.sub(r"^\s*<div[^>]*>|</div>\s*$", "", markup).strip()


def _apart(ents: list[tuple[int, int, str]], focus: int | None) -> list[tuple[int, int, str]]:
    """Those of them that displaCy can mark together: the ones at the mistake first, then the longest."""
    kept: list[tuple[int, int, str]] = []
    for ent in sorted(ents, key=lambda e: (e[0] != focus, e[0] - e[1])):
        if all(ent[1] <= other[0] or other[1] <= ent[0] for other in kept):
            kept.append(ent)
    return sorted(kept)


@cache
def _renderer() -> displacy.EntityRenderer:
    return displacy.EntityRenderer(options={"template": ENTITY_TEMPLATE})


def _spread(errors: list[EntityError], limit: int) -> list[EntityError]:
    if len(errors) <= limit:
        return errors
    return [errors[i * len(errors) // limit] for i in range(limit)]


def _matrix(evaluation: EvaluationData) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of the confusion matrix, cell by cell."""
    names, counts = evaluation.confusion
    rows = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        cells = [
            {
                "blank": name == other == NOTHING,
                "hit": name == other,
                "count": count,
                "share": count / total,
                "text": f"gold {name}, predicted {other}: {count} ({100 * count / total:.1f} % of the row)",
            }
            for other, count in zip(names, row, strict=True)
        ]
        rows.append((name, cells))
    return rows


def _comparison(evaluation: EvaluationData) -> dict[str, Any] | None:
    compared, other = evaluation.comparison, evaluation.other_strict
    if compared is None or other is None:
        return None
    if compared.p_value < 0.05:
        better = "first" if compared.difference > 0 else "second"
        verdict = f"The {better} model is better, and chance is an unlikely reason."
    else:
        verdict = "The difference may well be chance."
    models = [
        (short_name(evaluation.model), evaluation.strict.micro),
        (short_name(str(evaluation.other)), other.micro),
    ]
    return {"verdict": verdict, "models": models, "facts": comparison_facts(compared)}
