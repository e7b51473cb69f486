"""The result of an evaluation, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cloudner.report.evaluation.confidence import Reliability
from cloudner.report.evaluation.gate import Gate
from cloudner.report.evaluation.mistakes import EntityError, count_kinds
from cloudner.report.evaluation.scores import Score, StrictScores
from cloudner.report.evaluation.significance import Comparison, Interval
from cloudner.report.evaluation.spans import ScoredDocument


@dataclass
class EvaluationData:
    """The figures of an evaluation. All scores are 0 to 1, `speed` is in words (spaCy tokens) per second, 0 where a
    file of predictions was scored.

    intervals, label_intervals: 95 % bootstrap intervals of micro precision, recall and F1, and those of each label.
    schemes: nervaluate's figures, None where that package is missing. by_seen: None without training data.
    spans_key: the group of spans that was scored, None where it was `doc.ents`. by_depth: how deep entities lie inside others,
    where a group was scored.
    comparison: against `other`, None where no second model was given. gate: may the model take its place; None where that
    was not asked.
    log: the records of the training run's JSONL log; run: its `run.json`; both empty where there is none.
    notes: what a reader must know to interpret the figures.
    """

    model: str
    data: list[str]
    documents: list[ScoredDocument]
    strict: StrictScores
    intervals: dict[str, Interval]
    label_intervals: dict[str, dict[str, Interval]]
    schemes: dict[str, Any] | None
    by_length: dict[str, Score]
    by_seen: dict[str, Score] | None
    by_group: dict[str, Score]
    group_key: str | None
    errors: list[EntityError]
    confusion: tuple[list[str], list[list[int]]]
    calibration: Reliability | None
    speed: float
    seconds: float
    meta: dict[str, Any]
    config: dict[str, Any]
    other: str | None = None
    other_strict: StrictScores | None = None
    comparison: Comparison | None = None
    gate: Gate | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    spans_key: str | None = None
    by_depth: dict[str, Score] = field(default_factory=dict)

    @property
    def n_words(self) -> int:
        return sum(document.n_tokens for document in self.documents)

    def to_dict(self, *, errors: bool = True) -> dict[str, Any]:
        """Plain JSON. The keys `ents_p`, `ents_r`, `ents_f`, `ents_per_type` (`spans_sc_p`, ... for a group of spans) and
        `speed` are those of `python -m spacy evaluate`, so that tools for its output read this one too."""
        micro = self.strict.micro
        kind = "ents" if self.spans_key is None else f"spans_{self.spans_key}"
        result: dict[str, Any] = {
            "model": self.model,
            "data": self.data,
            f"{kind}_p": micro.precision,
            f"{kind}_r": micro.recall,
            f"{kind}_f": micro.f1,
            f"{kind}_per_type": {
                label: {"p": score.precision, "r": score.recall, "f": score.f1}
                for label, score in self.strict.per_label.items()
            },
            "speed": self.speed,
            "documents": len(self.documents),
            "words": self.n_words,
            "strict": self.strict.to_dict(),
            "intervals": {name: interval.to_dict() for name, interval in self.intervals.items()},
            "label_intervals": {
                label: {name: interval.to_dict() for name, interval in intervals.items()}
                for label, intervals in self.label_intervals.items()
            },
            "schemes": self.schemes,
            "by_length": _score_dicts(self.by_length),
            "by_depth": _score_dicts(self.by_depth),
            "by_seen": None if self.by_seen is None else _score_dicts(self.by_seen),
            "by_group": {"key": self.group_key, "scores": _score_dicts(self.by_group)},
            "error_counts": count_kinds(self.errors),
            "confusion": {"labels": self.confusion[0], "counts": self.confusion[1]},
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "comparison": None,
            "notes": self.notes,
        }
        if self.comparison is not None and self.other_strict is not None:
            result["comparison"] = {
                "model": self.other,
                "strict": self.other_strict.to_dict(),
                **self.comparison.to_dict(),
            }
        if self.gate is not None:
            result["gate"] = self.gate.to_dict()
        if errors:
            result["errors"] = [error.to_dict() for error in self.errors]
        return result


def _score_dicts(scores: dict[str, Score]) -> dict[str, Any]:
    return {name: score.to_dict() for name, score in scores.items()}
