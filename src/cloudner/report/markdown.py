"""An evaluation as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cloudner.report.errors import DESCRIPTIONS, count_kinds
from cloudner.report.scores import Score

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def cell(text: object) -> str:
    """Text that stays in its table cell and is not read as Markdown or HTML."""
    escaped = str(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "|`*_[]":
        escaped = escaped.replace(mark, "\\" + mark)
    return " ".join(escaped.split())


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; the first column is text, the others are figures and stand right."""
    names = list(header)
    lines = [
        "| " + " | ".join(names) + " |",
        "| " + " | ".join(["---"] + ["---:"] * (len(names) - 1)) + " |",
    ]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def score_table(first: str, scores: Mapping[str, Score]) -> str:
    rows = [
        (name, percent(s.precision), percent(s.recall), percent(s.f1), s.gold, s.predicted)
        for name, s in scores.items()
    ]
    return table((first, "Precision", "Recall", "F1", "Gold", "Predicted"), rows)


def evaluation_markdown(evaluation: Evaluation) -> str:
    strict, low_high = evaluation.strict, evaluation.intervals
    blocks = [
        f"# Evaluation of {cell(evaluation.model)}",
        f"{len(evaluation.documents):,} documents, {evaluation.n_words:,} words, {strict.micro.gold:,} entities from "
        + ", ".join(cell(path) for path in evaluation.data)
        + f". Speed: {evaluation.speed:,.0f} words/s.",
    ]
    blocks += [f"> {cell(note)}" for note in evaluation.notes]
    blocks += [
        "## Scores",
        "Strict: bounds and label must both be right. In percent, with 95 % bootstrap intervals.",
    ]
    micro = strict.micro
    blocks.append(
        table(
            ("", "Precision", "Recall", "F1"),
            [
                (
                    "micro",
                    *(
                        f"{percent(getattr(micro, name))} ({percent(low_high[name].low)}–{percent(low_high[name].high)})"
                        for name in ("precision", "recall", "f1")
                    ),
                ),
                *(
                    (name, percent(mean.precision), percent(mean.recall), percent(mean.f1))
                    for name, mean in (("macro", strict.macro), ("weighted", strict.weighted))
                ),
            ],
        )
    )
    if strict.per_label:
        blocks += ["## Labels", score_table("Label", strict.per_label)]
    if evaluation.schemes and evaluation.schemes["overall"]:
        names = ("correct", "incorrect", "partial", "missed", "spurious")
        rows = [
            (scheme, percent(s["precision"]), percent(s["recall"]), percent(s["f1"]), *(s[n] for n in names))
            for scheme, s in evaluation.schemes["overall"].items()
        ]
        header = ("Scheme", "Precision", "Recall", "F1", *(name.capitalize() for name in names))
        blocks += ["## Schemes of nervaluate", table(header, rows)]
    if evaluation.by_length:
        blocks += ["## Length in words", score_table("Words", evaluation.by_length)]
    if evaluation.by_seen:
        blocks += ["## Seen in training", score_table("Text of the entity", evaluation.by_seen)]
    if evaluation.by_group:
        blocks += [f"## By {cell(evaluation.group_key)}", score_table("", evaluation.by_group)]
    kinds = count_kinds(evaluation.errors)
    rows = [(kind, DESCRIPTIONS[kind], count) for kind, count in kinds.items()]
    blocks += ["## Mistakes", table(("Class", "Meaning", "Count"), rows)]
    if evaluation.calibration is not None:
        c = evaluation.calibration
        blocks += [
            "## Confidence",
            f"Expected calibration error {c.ece:.4f} (largest gap {c.max_error:.4f}, Brier score {c.brier:.4f}) over "
            f"{c.count:,} predictions in 10 bins; right confidences would show {c.ece_by_chance:.4f} by chance.",
        ]
    if evaluation.comparison is not None and evaluation.other_strict is not None:
        c2 = evaluation.comparison
        blocks += [
            "## Comparison",
            score_table(
                "Model", {evaluation.model: micro, str(evaluation.other): evaluation.other_strict.micro}
            ),
            f"Difference in F1: {100 * c2.difference:+.2f} points (95 % interval {100 * c2.interval.low:+.2f} to "
            f"{100 * c2.interval.high:+.2f}), p = {c2.p_value:.4f} by approximate randomisation with {c2.rounds:,} "
            f"rounds; the models differ in {c2.differing:,} of {c2.documents:,} documents.",
        ]
    return "\n\n".join(blocks) + "\n"
