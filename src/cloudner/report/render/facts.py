"""Lists of facts on the report's page: (name, text) of confidences, of a comparison, of the run."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

import spacy

from cloudner.pages.numbers import number
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.significance import Comparison

Facts = list[tuple[str, str]]
_BYTES = (
    "_total",
    "_free",
    "_bytes",
    "memory",
)  # ends of keys of the hardware summary whose values are bytes


@dataclass(frozen=True)
class Card:
    """A titled list of facts; `closed`: it opens when it is clicked."""

    title: str
    rows: Facts
    closed: bool = False


def confidence_facts(evaluation: EvaluationData) -> Facts:
    """Measures of the confidences of this evaluation, and of the calibration on the dev data."""
    measured = evaluation.calibration
    if measured is None:
        return []
    facts = [
        ("Expected calibration error", f"{measured.ece:.4f}"),
        ("Of right confidences, by chance", f"{measured.ece_by_chance:.4f}"),
        ("Largest gap of a bin", f"{measured.max_error:.4f}"),
        ("Brier score", f"{measured.brier:.4f}"),
        ("Predictions", f"{measured.count:,}"),
    ]
    trained = evaluation.run.get("calibration") or (evaluation.meta.get("cloudner") or {}).get("calibration")
    trained = trained if isinstance(trained, Mapping) else {}
    names = {
        "temperature": "Temperature fitted on the dev data",
        "ece_before": "Calibration error on the dev data before",
        "ece_after": "Calibration error on the dev data after",
        "o_shift": "Shift of O's score fitted on the dev data",
        "f1_before": "F1 on the dev data without the shift",
        "f1_after": "F1 on the dev data with the shift",
    }
    return facts + [
        (name, f"{trained[key]:.4f}")
        for key, name in names.items()
        if isinstance(trained.get(key), (int, float))
    ]


def comparison_facts(compared: Comparison) -> Facts:
    """The difference of two models and how certain it is."""
    interval = compared.interval
    return [
        ("Difference in F1", f"{100 * compared.difference:+.2f} points"),
        ("95 % interval", f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f} points"),
        ("p value, approximate randomisation", f"{compared.p_value:.4f}"),
        ("First better in bootstrap samples", f"{100 * compared.wins:.1f} %"),
        ("Documents that differ", f"{compared.differing:,} of {compared.documents:,}"),
    ]


def run_cards(evaluation: EvaluationData) -> list[Card]:
    """Hardware, resolved settings and versions, as far as the pipeline or its run recorded them."""
    recorded = dict(evaluation.meta.get("cloudner") or {})
    recorded.update(evaluation.run)
    recorded.pop("calibration", None)  # has its place among the confidences
    cards = [Card("This evaluation", _this_evaluation(evaluation.meta))]
    blocks = {key: value for key, value in recorded.items() if isinstance(value, Mapping) and value}
    for key, value in blocks.items():
        cards.append(Card(str(key).replace("_", " ").capitalize(), flatten(value)))
    if loose := {key: value for key, value in recorded.items() if key not in blocks}:
        cards.append(Card("Training run", flatten(loose)))
    for key, title in (("training", "Training config"), ("components", "Components config")):
        if isinstance(settings := evaluation.config.get(key), Mapping):
            cards.append(Card(title, flatten(settings), closed=True))
    return cards


def _this_evaluation(meta: Mapping[str, Any]) -> Facts:
    return flatten(
        {
            "Evaluated with": f"cloudner {metadata.version('cloudner')}, spaCy {spacy.__version__}, "
            f"Python {platform.python_version()}",
            "On": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
            "Platform": platform.platform(),
            "Pipeline": ", ".join(meta.get("pipeline") or []) or "(empty)",
            "Trained for spaCy": meta.get("spacy_version", ""),
        }
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> Facts:
    """Nested settings as rows of dotted name and text."""
    flat: Facts = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat += flatten(value, f"{name}.")
        elif isinstance(value, bool) or value is None:
            flat.append((name, {True: "yes", False: "no", None: "–"}[value]))
        elif isinstance(value, float):
            flat.append((name, number(value)))
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for i, item in enumerate(value):
                flat += flatten(item if isinstance(item, Mapping) else {"": item}, f"{name}[{i}].")
        elif isinstance(value, (list, tuple)):
            flat.append((name, ", ".join(map(str, value)) or "–"))
        elif isinstance(value, int) and value >= 2**20 and name.endswith(_BYTES):
            flat.append((name, f"{value / 2**30:.1f} GiB"))
        else:
            flat.append((name, str(value) or "–"))
    return flat
