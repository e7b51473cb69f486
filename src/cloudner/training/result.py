"""What a training from Python gives back: the pipeline, its scores, and how it came to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.json_files import object_of
from cloudner.pages.numbers import percent

if TYPE_CHECKING:
    from spacy.language import Language

    from cloudner.report.evaluate import Evaluation


@dataclass
class TrainingResult:
    """The result of `cloudner.train`.

    path: folder of the best pipeline. scores: by part ("dev", and "test" where there is one) the strict micro "f1",
    "precision" and "recall", 0 to 1, and "per_label" with the same by label. history: one record for each evaluation of
    the training, see `log.jsonl`. settings: rows (setting, value, why) of what was decided. run: the contents of
    `run.json` (hardware, versions, data, seconds). test: the whole evaluation on the test data, or None. corpora: the
    files trained and evaluated on. device: where `nlp` is loaded.
    """

    path: Path
    scores: dict[str, dict[str, Any]]
    history: list[dict[str, Any]] = field(default_factory=list)
    settings: list[tuple[str, Any, str]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    test: Evaluation | None = None
    corpora: dict[str, Path] = field(default_factory=dict)
    device: str = "auto"

    @cached_property
    def nlp(self) -> Language:
        """The best pipeline, loaded when it is first asked for."""
        from cloudner.loading import load

        return load(self.path, device=self.device)

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON, without the pipeline."""
        return {
            "path": str(self.path),
            "scores": self.scores,
            "history": self.history,
            "settings": [{"setting": name, "value": value, "why": why} for name, value, why in self.settings],
            "run": self.run,
            "corpora": {name: str(path) for name, path in self.corpora.items()},
        }

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores, the curves of the training and the settings."""
        from cloudner.report.render.training_summary import training_summary

        return training_summary(str(self.path), self.scores, self.history, self.settings)

    def __repr__(self) -> str:
        said = ", ".join(f"{part} F1 {percent(scores['f1'])}" for part, scores in self.scores.items())
        return f"<TrainingResult {self.path}: {said}>"


def read_result(
    best: Path, settings: list[tuple[str, Any, str]], corpora: dict[str, Path], device: str
) -> TrainingResult:
    """The result of the training that has written `best` and what is beside it."""
    from cloudner.report.evaluation.inputs import training_record

    log, run = training_record(best)
    meta = object_of(best / "meta.json")
    history = [record for record in log if record.get("scores")]
    scores = {"dev": _of_meta(meta.get("performance", {}))}
    return TrainingResult(best, scores, history, settings, run, None, corpora, device)


def scores_of(evaluation: Evaluation) -> dict[str, Any]:
    """The strict scores of an evaluation in the form of `TrainingResult.scores`."""
    strict = evaluation.strict
    figures = {name: _figures(score) for name, score in strict.per_label.items()}
    return {**_figures(strict.micro), "per_label": figures}


def _figures(score: Any) -> dict[str, float]:
    return {"f1": score.f1, "precision": score.precision, "recall": score.recall}


def _of_meta(performance: dict[str, Any]) -> dict[str, Any]:
    """spaCy's names to ours."""
    from cloudner.report.loggers.progress import score_prefix

    of = score_prefix(performance)
    by_label = performance.get(f"{of}_per_type") or {}
    return {
        "f1": float(performance.get(f"{of}_f") or 0.0),
        "precision": float(performance.get(f"{of}_p") or 0.0),
        "recall": float(performance.get(f"{of}_r") or 0.0),
        "per_label": {
            label: {"f1": each["f"], "precision": each["p"], "recall": each["r"]}
            for label, each in sorted(by_label.items())
        },
    }
