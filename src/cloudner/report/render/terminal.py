"""An evaluation as tables in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape as without_markup
from rich.table import Table

from cloudner.errors import printable
from cloudner.pages.numbers import NOTHING, percent
from cloudner.pages.numbers import scores as in_percent
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.mistakes import DESCRIPTIONS, count_kinds


def print_evaluation(evaluation: EvaluationData, console: Console | None = None) -> None:
    """Scores by label with intervals, mistakes by class, and what there is of the rest in a line each."""
    console = console or Console(highlight=False)
    strict = evaluation.strict
    scores = Table(title=f"Entities, strict, in percent: {escape(evaluation.model)}", title_justify="left")
    scores.add_column("Label")
    for name in ("Precision", "Recall", "F1", "95 % interval", "Gold", "Predicted"):
        scores.add_column(name, justify="right")
    rows = [(label, score, evaluation.label_intervals[label]) for label, score in strict.per_label.items()]
    for label, score, intervals in [*rows, ("all (micro)", strict.micro, evaluation.intervals)]:
        if label == "all (micro)":
            scores.add_section()
        f1 = intervals["f1"]
        scores.add_row(
            escape(label),
            *in_percent(score),
            f"{percent(f1.low)}–{percent(f1.high)}" if score.gold else NOTHING,
            f"{score.gold:,}",
            f"{score.predicted:,}",
        )
    macro = strict.macro
    scores.add_row("all (macro)", percent(macro.precision), percent(macro.recall), percent(macro.f1))
    console.print(scores)
    mistakes = Table(title="Mistakes", title_justify="left")
    mistakes.add_column("Class")
    mistakes.add_column("Count", justify="right")
    mistakes.add_column("Meaning")
    for kind, count in count_kinds(evaluation.errors).items():
        mistakes.add_row(kind, f"{count:,}", DESCRIPTIONS[kind])
    console.print(mistakes)
    if evaluation.by_depth:
        deep = ", ".join(f"{n}: {percent(s.f1)} of {s.gold:,}" for n, s in evaluation.by_depth.items())
        console.print(f"F1 by depth inside other entities: {deep}")
    if evaluation.by_seen:
        seen = ", ".join(
            f"{name} {percent(s.recall)} of {s.gold:,}" for name, s in evaluation.by_seen.items() if s.gold
        )
        console.print(f"Recall by training data: {seen}")
    if evaluation.schemes and evaluation.schemes["overall"]:
        schemes = ", ".join(f"{name} {percent(s['f1'])}" for name, s in evaluation.schemes["overall"].items())
        console.print(f"F1 by scheme (nervaluate): {schemes}")
    if evaluation.calibration is not None:
        console.print(
            f"Expected calibration error: {evaluation.calibration.ece:.4f} over {evaluation.calibration.count:,} predictions"
            f" ({evaluation.calibration.ece_by_chance:.4f} by chance alone)"
        )
    if evaluation.comparison is not None:
        compared, low_high = evaluation.comparison, evaluation.comparison.interval
        console.print(
            f"F1 against {escape(str(evaluation.other))}: {100 * compared.difference:+.2f} points "
            f"({100 * low_high.low:+.2f} to {100 * low_high.high:+.2f}), p = {compared.p_value:.4f}"
        )
    if evaluation.gate is not None:
        console.print(f"Time against it: {evaluation.gate.slowdown:.2f} times")
        for reason in evaluation.gate.reasons or ["passed"]:
            console.print(f"Gate: {escape(reason)}", soft_wrap=True)
    for note in evaluation.notes:
        console.print(f"Note: {escape(note)}")
    speed = f" at {evaluation.speed:,.0f} words/s" if evaluation.speed else ""
    console.print(f"{evaluation.n_words:,} words{speed}")


def escape(text: str) -> str:
    """Text of data and of pipelines, such as a label: neither rich's markup nor what would move the cursor."""
    return without_markup(printable(text))
