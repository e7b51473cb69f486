"""An evaluation as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping

from cloudner.pages.markdown import Markdown, table
from cloudner.pages.numbers import percent
from cloudner.pages.numbers import scores as in_percent
from cloudner.pages.rendering import markdown
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.mistakes import DESCRIPTIONS, count_kinds
from cloudner.report.evaluation.scores import Score


def evaluation_markdown(evaluation: EvaluationData) -> str:
    """Tables for a README or a pull request."""
    strict = evaluation.strict
    overall = (evaluation.schemes or {}).get("overall") or {}
    names = ("correct", "incorrect", "partial", "missed", "spurious")
    return markdown(
        "evaluation.md",
        evaluation=evaluation,
        score_table=score_table,
        averages=[
            ("micro", *(_with_interval(evaluation, name) for name in ("precision", "recall", "f1"))),
            *(
                (name, percent(mean.precision), percent(mean.recall), percent(mean.f1))
                for name, mean in (("macro", strict.macro), ("weighted", strict.weighted))
            ),
        ],
        schemes=[
            (scheme, percent(s["precision"]), percent(s["recall"]), percent(s["f1"]), *(s[n] for n in names))
            for scheme, s in overall.items()
        ],
        mistakes=mistake_rows(evaluation),
        compared={evaluation.model: strict.micro, str(evaluation.other): evaluation.other_strict.micro}
        if evaluation.other_strict
        else {},
    )


def score_table(first: str, scores: Mapping[str, Score]) -> Markdown:
    """Precision, recall, F1 in percent, and the counts behind them; `first` heads the column of names."""
    rows = [(name, *in_percent(score), score.gold, score.predicted) for name, score in scores.items()]
    return table((first, "Precision", "Recall", "F1", "Gold", "Predicted"), rows)


def mistake_rows(evaluation: EvaluationData) -> list[tuple[str, str, int]]:
    """Class, meaning and count."""
    return [(kind, DESCRIPTIONS[kind], count) for kind, count in count_kinds(evaluation.errors).items()]


def _with_interval(evaluation: EvaluationData, name: str) -> str:
    interval = evaluation.intervals[name]
    value = getattr(evaluation.strict.micro, name)
    return f"{percent(value)} ({percent(interval.low)}–{percent(interval.high)})"
