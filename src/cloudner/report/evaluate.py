"""Evaluates a pipeline on annotated data: everything that the report shows, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language

from cloudner.atomic import make_folder, write_text
from cloudner.errors import CloudnerError, ConfigError, InputError, path_of
from cloudner.loading import writers_of
from cloudner.pages.numbers import percent
from cloudner.report.evaluation.confidence import reliability_of
from cloudner.report.evaluation.evaluation import EvaluationData
from cloudner.report.evaluation.gate import MAX_SLOWDOWN, judge, labels_of, measure_slowdown
from cloudner.report.evaluation.inputs import data_files, training_record, training_surfaces
from cloudner.report.evaluation.mistakes import confusion, find_errors
from cloudner.report.evaluation.scores import (
    Score,
    count_arrays,
    scheme_scores,
    scores_by_depth,
    scores_by_length,
    scores_by_meta,
    scores_by_seen,
    strict_scores,
)
from cloudner.report.evaluation.significance import bootstrap_intervals, compare
from cloudner.report.evaluation.spans import ScoredDocument
from cloudner.report.predicting import group_of, is_file, pipeline_of, predict, source_of
from cloudner.report.render.html import evaluation_html, evaluation_summary
from cloudner.report.render.markdown import evaluation_markdown

GROUP_KEYS = ("genre", "domain", "source")

# Gold entities, and the share of them seen in training, from which on a reader is told.
_ENOUGH, _NEARLY_ALL = 20, 0.95


class Evaluation(EvaluationData):
    """The result of `evaluate`: the figures, and these as Markdown and as a page."""

    def to_markdown(self) -> str:
        """Tables for a README or a pull request."""
        return evaluation_markdown(self)

    def to_html(self, *, max_errors: int = 5000) -> str:
        """One self-contained page; it loads nothing from anywhere."""
        return evaluation_html(self, max_errors=max_errors)

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores; the whole page is `to_html`."""
        return evaluation_summary(self)

    def __repr__(self) -> str:
        return f"<Evaluation of {self.model} on {', '.join(self.data)}: F1 {percent(self.strict.micro.f1)}>"


def evaluate(
    model: str | Path | Language,
    data: str | Path | Sequence[str | Path],
    *,
    train: str | Path | Sequence[str | Path] | None = None,
    compare_with: str | Path | Language | None = None,
    output: str | Path | None = None,
    group: str | None = None,
    rounds: int = 1000,
    seed: int = 0,
    gold_preproc: bool = False,
    batch_size: int | None = None,
    device: str = "auto",
    gate: bool = False,
    max_slowdown: float = MAX_SLOWDOWN,
    spans_key: str | None = None,
) -> Evaluation:
    """Runs `model` once over `data` and scores its entities.

    model: name or path of a pipeline, a loaded one, or a file of predictions of the same documents (JSON lines, such as
    `cross_validate` keeps). data: files of any annotation
    format, folders of them or URLs, read as the config says of the dev corpus.
    train: training data, to tell seen from unseen entities. compare_with: a second pipeline for a paired test.
    output: where to write the HTML report. group: key of `doc.user_data["meta"]` to score parts by; by default
    the first of genre, domain and source that a document has. rounds, seed: of the bootstrap (the paired test
    takes ten times as many rounds). gold_preproc: predict on the gold tokens, as in `spacy evaluate -G`.
    gate: also judge whether `model` may take the
    place of `compare_with` (`result.gate`): not where it is significantly worse, has lost a label, or takes more than
    `max_slowdown` times as long on the same texts.
    device: as in `cloudner.load`, for pipelines given by name or path. spans_key: score `doc.spans[spans_key]` in place of
    `doc.ents`; by default a pipeline whose entities come from `cloudner_spans` alone is scored by its own group, and a file of
    predictions by the one that it names.

    Raises `ConfigError` for a gate without `compare_with` and numbers that cannot be meant, `InputError` for a pipeline that cannot be loaded and for data that cannot be read or holds no entity
    annotation, `DeviceError` for a device that does not work.
    """
    _check_gate(gate, model, compare_with, max_slowdown)
    _check_numbers(rounds, batch_size)
    if output is not None:  # before the work is done
        make_folder(path_of(output).parent)
    files = data_files(data)
    source, name = source_of(model, device)
    nlp = pipeline_of(source)
    key = spans_key or group_of(source)
    documents, words, seconds = predict(source, files, gold_preproc, batch_size, key)
    if not documents:
        raise InputError(
            "no document with entity annotation in " + ", ".join(files),
            expected=f"documents with {_place(key)}, or with ents=[] where there are none",
            fix="python -m spacy cloudner convert FILE corpus/test.spacy",
        )
    notes = _notes(nlp, documents, key)
    by_seen = None if train is None else scores_by_seen(documents, training_surfaces(train, nlp, key))
    notes += _seen_note(by_seen)
    strict = strict_scores(documents)
    labels = list(strict.per_label)
    counts = count_arrays(documents, labels)
    intervals, per_label = bootstrap_intervals(counts, rounds=rounds, seed=seed)
    try:
        schemes: dict[str, Any] | None = scheme_scores(documents)
    except CloudnerError as error:
        schemes = None
        notes.append(str(error))
    notes += _group_note(documents, group)
    group = group or next((key for key in GROUP_KEYS if any(key in d.meta for d in documents)), None)
    evaluation = Evaluation(
        model=name,
        data=list(files),
        documents=documents,
        strict=strict,
        intervals=intervals,
        label_intervals=dict(zip(labels, per_label, strict=True)),
        schemes=schemes,
        by_length=scores_by_length(documents),
        by_seen=by_seen,
        by_group={} if group is None else scores_by_meta(documents, group),
        group_key=group,
        errors=find_errors(documents),
        confusion=confusion(documents),
        calibration=reliability_of(documents),
        speed=words / seconds if seconds > 0 else 0.0,
        seconds=seconds,
        meta=dict(nlp.meta),
        config=dict(nlp.config),
        notes=notes,
        spans_key=key,
        by_depth=scores_by_depth(documents) if key is not None else {},
    )
    evaluation.log, evaluation.run = training_record(nlp.path)
    if compare_with is not None:
        other = _compare(
            evaluation, compare_with, files, counts, gold_preproc, batch_size, device, rounds, seed
        )
        if gate:
            _judge(evaluation, nlp, other, batch_size, max_slowdown)
    if output is not None:
        write_text(output, evaluation.to_html())
    return evaluation


def _check_numbers(rounds: int, batch_size: int | None) -> None:
    for name, value, most in (("rounds", rounds, 10**6), ("batch_size", batch_size, 10**9)):
        if value is not None and not 1 <= value <= most:
            raise ConfigError(f"{name} = {value}", expected=f"1 to {most:,}")


def _check_gate(gate: bool, model: Any, compare_with: Any, max_slowdown: float) -> None:
    if not max_slowdown > 0:
        raise ConfigError(f"max_slowdown = {max_slowdown}", expected="a number above 0", fix="1.5")
    if gate and compare_with is None:
        raise ConfigError(
            "a gate without a pipeline to compare with", fix="--compare training/model-best --gate"
        )
    if gate and (is_file(model) or is_file(compare_with)):
        raise ConfigError(
            "a gate over files of predictions", expected="two pipelines: a gate compares their speed too"
        )


def _compare(
    evaluation: Evaluation,
    model: str | Path | Language,
    files: list[str],
    counts: Any,
    gold_preproc: bool,
    batch_size: int | None,
    device: str,
    rounds: int,
    seed: int,
) -> Language:
    source, evaluation.other = source_of(model, device)
    documents, _, _ = predict(source, files, gold_preproc, batch_size, evaluation.spans_key)
    evaluation.other_strict = strict_scores(documents)
    other_counts = count_arrays(documents, list(evaluation.other_strict.per_label))
    evaluation.comparison = compare(
        counts.sum(axis=1), other_counts.sum(axis=1), rounds=10 * rounds, seed=seed
    )
    return pipeline_of(source)


def _judge(
    evaluation: Evaluation, new: Language, old: Language, batch_size: int | None, max_slowdown: float
) -> None:
    assert evaluation.other_strict is not None
    assert evaluation.comparison is not None
    texts = [document.text for document in evaluation.documents]
    slowdown = measure_slowdown(new, old, texts, batch_size)
    labels = labels_of(new, evaluation.spans_key), labels_of(old, evaluation.spans_key)
    evaluation.gate = judge(
        evaluation.strict, evaluation.other_strict, evaluation.comparison, labels, slowdown, max_slowdown
    )


def _seen_note(by_seen: dict[str, Score] | None) -> list[str]:
    """Where hardly an entity of the test data is new."""
    total = sum(score.gold for score in (by_seen or {}).values())
    known = (
        by_seen["seen"].gold if by_seen and "seen" in by_seen else 0
    )  # a group without entities is not there
    if total < _ENOUGH or known < _NEARLY_ALL * total:
        return []
    return [
        f"{100 * known / total:.0f} % of the gold entities stand in the training data too, under the same "
        "label: the figures say how well the pipeline remembers, and little about names that it has not met."
    ]


def _group_note(documents: list[ScoredDocument], group: str | None) -> list[str]:
    if group is None or any(group in document.meta for document in documents):
        return []
    return [f"No document says its {group!r}: there are no scores by it."]


def _place(key: str | None) -> str:
    return "doc.ents" if key is None else f"doc.spans[{key!r}]"


def _notes(nlp: Language, documents: list[ScoredDocument], key: str | None) -> list[str]:
    notes = []
    writers = writers_of(nlp, "doc.ents" if key is None else "doc.spans")
    known = labels_of(nlp, key)
    gold = {entity.label for document in documents for entity in document.gold}
    if not writers and not any(document.predicted for document in documents):
        notes.append(
            f"No component of the pipeline ({', '.join(nlp.pipe_names) or 'empty'}) writes {_place(key)}, "
            "and it predicted no entity."
        )
    elif known and gold - known:
        notes.append(
            f"The gold data has labels the model does not know: {', '.join(sorted(gold - known))}. "
            "All their entities count as missed."
        )
    ignored = sum(document.ignored for document in documents)
    if ignored:
        notes.append(
            f"{ignored} predictions lie on tokens without gold annotation; they count as neither right nor wrong."
        )
    if not gold:
        notes.append("The gold data has no entity, so recall and F1 are 0 whatever is predicted.")
    return notes
