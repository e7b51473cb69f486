"""`cross_validate`: trained once for each fold, scored on the documents that took no part in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from spacy.training import Example

from cloudner.atomic import write_json, write_text
from cloudner.errors import path_of
from cloudner.folds.documents import Corpus, read_config, read_corpus
from cloudner.folds.out_of_fold import Fold, FoldOptions, out_of_fold
from cloudner.pages.numbers import percent
from cloudner.report.evaluation.predictions import (
    PredictedDocument,
    with_entities,
    write_predictions,
)
from cloudner.report.evaluation.scores import Score, StrictScores, scores_by_depth, strict_scores
from cloudner.report.evaluation.spans import score_document
from cloudner.studies.page import Section, study_page, study_summary
from cloudner.training.corpora import dev_share, write_whole
from cloudner.training.fit import gpu_id_of, language_of
from cloudner.training.groups import learnt_group
from cloudner.training.output_folder import one_training
from cloudner.training.shipped import ConfigLike, config_file

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


@dataclass(frozen=True)
class FoldScores:
    """One training. trained_on, documents: how many it learned from (dev part included) and was scored on. seconds: of the
    training and the prediction. by_depth: of spans of a group."""

    number: int
    trained_on: int
    documents: int
    scores: StrictScores
    seconds: float
    by_depth: dict[str, Score] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """F1 over folds, 0 to 1. std: the sample standard deviation, None with one fold. folds: how many are behind it."""

    mean: float
    std: float | None
    folds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(mean(values), stdev(values) if len(values) > 1 else None, len(values))

    def __str__(self) -> str:
        return percent(self.mean) + ("" if self.std is None else f" ± {percent(self.std)}")


@dataclass
class CrossValidation:
    """The result of `cloudner.cross_validate`. f1: micro F1 over the folds; per_label: the same by label, over the folds that
    have entities of it; per_depth, where spans of a group are learnt: by how deep they lie inside others ("1", "2", "3+"). folds: the trainings. evaluation: of all predictions together, each by the pipeline that had not
    seen the document. predictions: the file of them. corpus: the documents, as they were divided."""

    f1: Spread
    per_label: dict[str, Spread]
    folds: list[FoldScores]
    evaluation: Evaluation
    predictions: Path
    corpus: Path
    notes: list[str] = field(default_factory=list)
    per_depth: dict[str, Spread] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; scores are 0 to 1."""
        return {
            "f1": vars(self.f1), "per_label": {label: vars(spread) for label, spread in self.per_label.items()},
            **({"per_depth": {depth: vars(spread) for depth, spread in self.per_depth.items()}} if self.per_depth else {}),
            "folds": [
                {"trained_on": fold.trained_on, "documents": fold.documents, "seconds": fold.seconds, **fold.scores.to_dict()}
                for fold in self.folds
            ],
            "pooled": self.evaluation.strict.to_dict(), "predictions": str(self.predictions), "corpus": str(self.corpus),
            "notes": self.notes,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The result for a terminal."""
        rows = [*self._by_label(), *([f"depth {row[0]}", *row[1:]] for row in self._by_depth())]
        width = max(len(row[0]) for row in rows)
        out = [f"{name:<{width}}  {row[1]}" for name, *row in rows]
        return [self.sentence(), *out, *self.notes, str(self.predictions)]

    def sentence(self) -> str:
        return f"F1 {self.f1} (mean and standard deviation of {len(self.folds)} folds)"

    def to_html(self) -> str:
        """One self-contained page."""
        pooled = self.evaluation.strict.micro
        figures = [("F1, mean ± standard deviation", str(self.f1)), ("F1 of all predictions together", percent(pooled.f1)),
                   ("folds", str(len(self.folds))), ("documents", f"{sum(f.documents for f in self.folds):,}")]  # fmt: skip
        lead = "Each document is scored with the pipeline that was trained without it."
        return study_page("Cross-validation", lead, figures, self.notes, self._sections())

    def _repr_html_(self) -> str:
        return study_summary(self.sentence(), self._sections())

    def _by_label(self) -> list[list[str]]:
        pooled = self.evaluation.strict
        rows = [(label, self.per_label.get(label), score) for label, score in pooled.per_label.items()]
        return [_row(*each) for each in [*rows, ("all", self.f1, pooled.micro)]]

    def _by_depth(self) -> list[list[str]]:
        pooled = self.evaluation.by_depth
        return [_row(depth, self.per_depth.get(depth), pooled[depth]) for depth in pooled]

    def _sections(self) -> list[Section]:
        folds = [
            [str(f.number + 1), f"{f.trained_on:,}", f"{f.documents:,}", *_percents(f.scores.micro), f"{f.seconds:.0f}"]
            for f in self.folds
        ]  # fmt: skip
        scores = ("precision", "recall", "F1")
        lead = "Mean and standard deviation over the folds that have {}; then the scores of all predictions together."
        columns = ("entities", "F1 over folds", "folds", *scores)
        depths = Section(
            "By depth", lead.format("entities of the depth, which is 1 for one that lies in no other"),
            ("depth", *columns), self._by_depth(),
        )  # fmt: skip
        return [
            Section("By label", lead.format("the label"), ("label", *columns), self._by_label()),
            *([depths] if self.per_depth else []),
            Section(
                "By fold", "Strict, micro.", ("fold", "trained on", "scored on", *scores, "seconds"), folds
            ),
        ]


def cross_validate(
    data: Any,
    *,
    folds: int = 5,
    config: ConfigLike = "cpu",
    encoder: str | None = None,
    lang: str | None = None,
    output: str | Path = "cross-validation",
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    keep_pipelines: bool = False,
    told: Callable[[int, FoldScores], object] | None = None,
) -> CrossValidation:
    """Train a pipeline for each fold on the other folds, and score it on the fold as `cloudner.evaluate` does.

    The documents are divided as a whole, by label; those of equal text, or of one `group`, are in one fold. Of the documents
    that a pipeline is trained on a part is its dev part (a fifth; a tenth from 1,000 on), as in `cloudner.train`: the fold
    decides nothing about the training.

    data, config, encoder, lang, overrides, device: as in `cloudner.train`. folds: how many, 2 or more. seed: of the
    division. output: a folder; predictions.jsonl has what is predicted of each document by the pipeline that has not seen
    it, for `cloudner.evaluate` and `cloudner.review`; report.html is the report of `cloudner.evaluate` over all of them;
    cross-validation.html and cross-validation.json have the folds. A call after a kill trains only what is missing. keep_pipelines:
    leave them in `output`/folds/fold-N/training. told: called with the number and scores of each fold as they are there.

    Raises ConfigError for fewer than two different documents a fold, and what `cloudner.train` raises.
    """
    output = path_of(output)
    with one_training(output):
        file = config_file(config, output)
        reading = {"lang": lang or language_of(file), "spans": learnt_group(file, overrides)}
        path = write_whole(data, output / "corpus", reading)
        given = {**({} if lang is None else {"nlp.lang": lang}), **(overrides or {})}
        plain = read_config(file, given, encoder)
        corpus = read_corpus(path, plain)
        options = FoldOptions(
            folds, seed, given, encoder, gpu_id_of(device), keep_pipelines,
            dev_share=dev_share(len(corpus.docs)), length=1.0, show=False, own_tokens=True,
        )  # fmt: skip

        def tell(number: int, fold: Fold) -> None:
            if told is not None:
                told(number, _scores(corpus, number, fold))

        made = out_of_fold(corpus, file, plain, output / "folds", options, tell)
        return _result(corpus, made, path, output)


def rows_of(corpus: Corpus, folds: Sequence[Fold]) -> list[PredictedDocument]:
    """What is predicted of the folds' documents, in the order of the corpus, in characters."""
    found: dict[int, PredictedDocument] = {}
    for number, fold in enumerate(folds):
        for i, entities, likely in zip(fold.documents, fold.entities, fold.likely, strict=True):
            doc = corpus.docs[i]
            found[i] = PredictedDocument(corpus.names[i], doc.text, entities, likely, fold=number)
    return [found[i] for i in sorted(found)]


def _scores(corpus: Corpus, number: int, fold: Fold) -> FoldScores:
    docs, key = [corpus.docs[i] for i in sorted(fold.documents)], corpus.group
    rows = rows_of(corpus, [fold])
    pairs = zip(docs, rows, strict=True)
    examples = (Example(with_entities(doc, row.entities, key), doc) for doc, row in pairs)
    scored = [each for each in (score_document(example, key) for example in examples) if each is not None]
    by_depth = scores_by_depth(scored) if key is not None else {}
    return FoldScores(number, fold.trained_on, len(docs), strict_scores(scored), fold.seconds, by_depth)


def _result(corpus: Corpus, made: Sequence[Fold], path: Path, output: Path) -> CrossValidation:
    """Scored, with its files."""
    from cloudner.report.evaluate import evaluate

    predictions = output / "predictions.jsonl"
    write_predictions(predictions, rows_of(corpus, made), str(corpus.nlp.lang), corpus.group)
    folds = [_scores(corpus, number, fold) for number, fold in enumerate(made)]
    pooled = evaluate(predictions, path, output=output / "report.html")
    per_label = _spreads([fold.scores.per_label for fold in folds])
    notes = [
        f"{label} is in {spread.folds} of {len(folds)} folds alone: its mean says little."
        for label, spread in per_label.items()
        if spread.folds < len(folds)
    ]
    result = CrossValidation(
        Spread.of([fold.scores.micro.f1 for fold in folds]), per_label, folds, pooled, predictions, path, notes,
        _spreads([fold.by_depth for fold in folds]),
    )  # fmt: skip
    write_json(output / "cross-validation.json", result.to_dict())
    write_text(output / "cross-validation.html", result.to_html())
    return result


def _spreads(folds: Sequence[Mapping[str, Score]]) -> dict[str, Spread]:
    """F1 of each part (a label, a depth) over the folds that have entities of it."""
    found: dict[str, list[float]] = {}
    for parts in folds:
        for part, score in parts.items():
            if score.gold:
                found.setdefault(part, []).append(score.f1)
    return {part: Spread.of(values) for part, values in sorted(found.items())}


def _row(name: str, spread: Spread | None, score: Score) -> list[str]:
    over = ["-", "0"] if spread is None else [str(spread), str(spread.folds)]
    return [name, f"{score.gold:,}", *over, *_percents(score)]


def _percents(score: Score) -> list[str]:
    return [percent(score.precision), percent(score.recall), percent(score.f1)]
