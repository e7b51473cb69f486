"""A training as a piece of HTML, for a notebook's cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudner.pages.rendering import html
from cloudner.report.render.html import short_name
from cloudner.report.render.training_curves import training_curves


def training_summary(
    path: str,
    scores: Mapping[str, Mapping[str, Any]],
    history: list[dict[str, Any]],
    settings: Sequence[tuple[str, Any, str]],
) -> str:
    """Scores by part and label, the curves of loss and dev scores, the settings; with its own style, without a script."""
    rows = []
    for part, figures in scores.items():
        rows.append((f"{part}, all", figures))
        rows += [(f"{part}, {label}", each) for label, each in figures["per_label"].items()]
    return html(
        "training.html",
        title=short_name(path),
        scores=scores,
        rows=rows,
        curves=[curve for curve in training_curves(history) if curve.key in ("f1", "loss")],
        settings=[(name, str(value), why) for name, value, why in settings],
    )
