"""The report as one HTML file that loads nothing: style, script, charts and data are all inside.

Everything that comes from data, a model or a log is escaped where it enters the page; besides, the page's content
security policy lets no script run but its own, known by its hash, and no request go anywhere.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from cloudner.pages.numbers import share
from cloudner.pages.rendering import asset, html, policy, script_json
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.mistakes import DESCRIPTIONS, KINDS, NOTHING, EntityError, count_kinds
from cloudner.report.render.excerpt import excerpt
from cloudner.report.render.facts import comparison_facts, confidence_facts, run_cards
from cloudner.report.render.reliability import reliability_chart
from cloudner.report.render.training_curves import training_curves

PALETTE = 10  # label colours in base.css
LINKS = [
    ("overview", "Overview"), ("comparison", "Comparison"), ("labels", "Labels"), ("errors", "Mistakes"),
    ("breakdown", "Breakdown"), ("confidence", "Confidence"), ("training", "Training"), ("run", "Run"),
]  # fmt: skip
# With more labels a narrow screen shows the confusion matrix row by row; longer names stand upright over their column.
_FEW, _SHORT = 6, 7


def evaluation_html(evaluation: EvaluationData, *, max_errors: int = 5000) -> str:
    """The whole page. At most `max_errors` mistakes are written into it, spread evenly; the page says so."""
    script = Markup("\n").join([asset("base.js"), asset("evaluation.js")])
    shown = _spread(evaluation.errors, max_errors)
    colours = label_colours(evaluation)
    curves = training_curves(evaluation.log)
    data = {
        "errors": [error_row(error, colours) for error in shown],
        "kinds": {kind: DESCRIPTIONS[kind] for kind in KINDS},
    }
    calibration = evaluation.calibration
    return html(
        "evaluation.html",
        policy=policy(script),
        style=Markup("\n").join([asset("base.css"), asset("evaluation.css")]),
        script=script,
        data=script_json(data),
        chart_data=script_json({curve.key: curve.data for curve in curves}),
        links=[link for link in LINKS if link[0] != "comparison" or evaluation.comparison],
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
    """The data of one mistake for the page's script; `h` is ready HTML, all else is plain text."""
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
        "f": "" if error.place is None else f"{short_name(error.place[0])}:{error.place[1]}",
        "h": excerpt(error, colours),
    }


def _spread(errors: list[EntityError], limit: int) -> list[EntityError]:
    if len(errors) <= limit:
        return errors
    return [errors[i * len(errors) // limit] for i in range(limit)]


def _matrix(evaluation: EvaluationData) -> dict[str, Any]:
    """The confusion matrix, row by row and cell by cell."""
    names, counts = evaluation.confusion
    rows = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row)
        cells = [
            {
                "column": other,
                "blank": name == other == NOTHING,
                "hit": name == other,
                "count": count,
                "share": count / total if total else 0.0,
                "text": f"gold {name}, predicted {other}: {count} ({share(count, total)} of the row)",
            }
            for other, count in zip(names, row, strict=True)
        ]
        rows.append({"name": name, "total": total, "invented": name == NOTHING, "cells": cells})
    labels = names[:-1]
    return {
        "names": names,
        "nothing": NOTHING,
        "rows": rows,
        "many": len(labels) > _FEW,
        "upright": len(labels) > _FEW or any(len(label) > _SHORT for label in labels),
    }


def _comparison(evaluation: EvaluationData) -> dict[str, Any] | None:
    compared, other = evaluation.comparison, evaluation.other_strict
    if compared is None or other is None:
        return None
    if not compared.differing:
        verdict = "Both models find the same entities."
    elif compared.p_value < 0.05:
        better = "first" if compared.difference > 0 else "second"
        verdict = f"The {better} model is better, and chance is an unlikely reason."
    else:
        verdict = "The difference may well be chance."
    models = [
        (short_name(evaluation.model), evaluation.strict.micro),
        (short_name(str(evaluation.other)), other.micro),
    ]
    return {"verdict": verdict, "models": models, "facts": comparison_facts(compared)}
