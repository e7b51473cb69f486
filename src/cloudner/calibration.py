"""Calibration on held-out data: a temperature, so that confidences match the share of right predictions, and a shift of O's
score, so that the entities found give the best F1."""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudner.atomic import write_json
from cloudner.errors import InputError, of_kind
from cloudner.model.decoding.evidence import Evidence, performance_of
from cloudner.pieces.gold import gold_tags, tell_others

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example

logger = logging.getLogger("cloudner")

# Strength of the prior that scores are right as they are, in log-likelihood at a temperature of e, doubled: of a few entities
# the most likely temperature is often that of no doubt at all. As strong as Platt scaling's.
_PRIOR = 20.0


@dataclass(frozen=True)
class CalibrationResult:
    """temperature: what logits are divided by, 1 where the data has no entity. ece_before, ece_after: expected calibration
    error of entities on the data it was fitted on, with temperature 1 and with this one (None without predictions). A fitted
    temperature that would make the error larger is not kept: it is then 1. platt: slope and bias of the last step from an
    entity's probability to its confidence (`cloudner.model.decoding.platt`), (1, 0) where there is none. o_shift: what is
    added to the score of O before tags are chosen; f1_before, f1_after: strict F1 on that data without and with it (None
    where nothing was annotated, and for spans)."""

    temperature: float
    ece_before: float | None
    ece_after: float | None
    documents: int
    platt: tuple[float, float] = (1.0, 0.0)
    o_shift: float = 0.0
    f1_before: float | None = None
    f1_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "ece_before": self.ece_before,
            "ece_after": self.ece_after,
            "documents": self.documents,
            "platt": list(self.platt),
            "o_shift": self.o_shift,
            "f1_before": self.f1_before,
            "f1_after": self.f1_after,
        }


def calibrate(
    model: str | Path | Language,
    data: str | Path | Sequence[Example] | None = None,
) -> CalibrationResult:
    """Fit, for each cloudner component of `model`, a temperature and a shift of O's score on `data`, which it must not have
    been trained on. The components before it prepare the documents, as they do when it predicts.

    The temperature minimises the negative log-likelihood of the gold tags among valid tag paths (Guo et al. 2017,
    section 4.2, with the constrained model in place of a softmax), with a normal prior on its logarithm, so that few
    entities move it little. Platt scaling then fits the probabilities of the
    entities found: confidences and what a threshold keeps change. The shift is the one of best F1
    (`cloudner.model.decoding.o_shift`): which entities are found changes, unless the component's `o_shift` is a number, and with
    them the scores in the meta, where they are those of `data`. Entities of labels that the component does not have count as
    missed, with a warning. A model given by path is changed on disk: `cfg` and `meta.json`.

    data: a file of any annotation format, a folder of them or a URL, read as the config says of the dev corpus; or
    examples. By default the dev corpus of the model's config. The result is the first component's. Raises InputError when there is nothing to fit on, no document
    or none that is annotated.
    """
    return calibrate_these(None, model, data)


def calibrate_these(
    names: Sequence[str] | None, model: str | Path | Language, data: str | Path | Sequence[Example] | None
) -> CalibrationResult:
    """`calibrate` for the components of these names, by default all."""
    import spacy
    from spacy.language import Language

    from cloudner.loading import cloudner_pipes, find_pipeline
    from cloudner.report.held_out import as_met_by, examples_of

    folder: Path | None = None
    if isinstance(model, (str, Path)):
        found = find_pipeline(model)
        folder = Path(found) if isinstance(found, Path) else None
        nlp = spacy.load(found)
    else:
        of_kind(model, Language, "a pipeline", "a folder, the name of a package or a loaded pipeline")
        nlp = model
    examples = examples_of(nlp, data)
    pipes = [pipe for pipe in cloudner_pipes(nlp) if names is None or pipe.name in names]
    if not pipes:
        raise InputError(
            f"no cloudner component among {nlp.pipe_names}", expected="a pipeline trained with cloudner"
        )
    before = [_deciding(pipe.cfg) for pipe in pipes]
    results = [_fit(pipe, as_met_by(pipe, nlp, examples)) for pipe in pipes]
    nlp.meta.setdefault("cloudner", {})["calibration"] = results[0].to_dict()
    performance: dict[str, Any] = {}
    known = nlp.meta.get("performance") or {}
    if known and before != [_deciding(pipe.cfg) for pipe in pipes]:
        if data is None or _same_f1(known, results[0]):
            scores = nlp.evaluate(examples)
            performance = {name: scores[name] for name in known if name in scores}
            known.update(performance)
        else:
            logger.warning("meta.json keeps the scores of before the calibration, which are of other data.")
    if folder is not None:
        _write(folder, {pipe.name: pipe.cfg for pipe in pipes}, results[0], performance)
    return results[0]


def _deciding(cfg: dict[str, Any]) -> list[Any]:
    """The settings that are fitted and decide which entities are found."""
    shift = cfg.get("fitted_o_shift") if cfg.get("o_shift") == "auto" else None
    cut = cfg["threshold"] != (0.0 if "platt" in cfg else 0.5)  # where it cuts off by confidence
    return [shift, cfg["temperature"] if cut else None, cfg.get("platt") if cut else None]


def _same_f1(known: dict[str, Any], result: CalibrationResult) -> bool:
    """Are the scores known those of the data fitted on, without the shift?"""
    return result.f1_before is not None and abs(known.get("ents_f", -1.0) - result.f1_before) < 1e-6


def calibrate_with(folder: Path, name: str, evidence: Evidence) -> CalibrationResult:
    """`calibrate` for the component `name` of the pipeline in `folder`, whose scores on dev are known already: the scores in
    `meta.json` become those of the entities that are found now."""
    cfg = json.loads((folder / name / "cfg").read_text(encoding="utf8"))
    result = _fit_evidence(cfg, evidence, name)
    performance = {}
    if result.o_shift:
        known = json.loads((folder / "meta.json").read_text(encoding="utf8")).get("performance")
        if known and not _same_f1(known, result):  # spaCy's scorer sees the gold otherwise: it decides
            return calibrate_these([name], folder, None)
        performance = performance_of(evidence, result.o_shift) if known else {}
    tell_others(name, evidence.missed)
    _write(folder, {name: cfg}, result, performance)
    return result


def _write(
    folder: Path, settings: dict[str, dict[str, Any]], result: CalibrationResult, performance: dict[str, Any]
) -> None:
    """settings: by component. performance: what takes the place of scores that were those without the shift."""
    for name, cfg in settings.items():
        path = folder / name / "cfg"
        write_json(
            path, {**json.loads(path.read_text(encoding="utf8")), **cfg}
        )  # what it says of the files stays
    meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
    meta.setdefault("cloudner", {})["calibration"] = result.to_dict()
    if performance:
        meta["performance"].update(performance)
    write_json(folder / "meta.json", meta)


def _fit(pipe: Any, examples: Sequence[Example]) -> CalibrationResult:
    from cloudner.span_component import CloudnerSpans

    return _fit_spans(pipe, examples) if isinstance(pipe, CloudnerSpans) else _fit_tags(pipe, examples)


def _fit_spans(pipe: Any, examples: Sequence[Example]) -> CalibrationResult:
    """By the likelihood of the spans that could be taken for one: those that are there, and those whose probability is
    above one in a thousand."""
    from cloudner.pieces.span_gold import gold_spans
    from cloudner.report.evaluation.confidence import expected_calibration_error, fit_temperature

    others = Counter[str]()
    gold = gold_spans(examples, pipe.labels, pipe.cfg["spans_key"], pipe.name, others)
    tell_others(pipe.name, others)
    if gold.unknown.all() and not len(gold.spans):
        raise _nothing(pipe.name, len(examples))
    scores, right = pipe.candidates(examples)
    sign = np.where(right, 1.0, -1.0)
    temperature = 1.0
    if right.any():
        temperature = fit_temperature(
            lambda t: float(np.logaddexp(0.0, -sign * scores / t).sum()) + _prior(t)
        )
    found = scores >= 0
    errors: list[float | None] = []
    for t in (1.0, temperature):
        p = 1 / (1 + np.exp(-scores[found] / t))
        errors.append(expected_calibration_error(p, right[found]).ece if found.any() else None)
    return _kept(pipe.cfg, temperature, errors, len(examples))


def _fit_tags(pipe: Any, examples: Sequence[Example]) -> CalibrationResult:
    emissions = pipe.model.predict([eg.predicted for eg in examples])
    key, others = pipe.cfg["gold_spans_key"], Counter[str]()
    gold = gold_tags(examples, pipe.scheme, spans_key=key, name=pipe.name, others=others)
    tell_others(pipe.name, others)
    moves = pipe.model.shims[0].transitions()
    evidence = Evidence(emissions.scores, emissions.offsets, gold, pipe.scheme, moves, others)
    return _fit_evidence(pipe.cfg, evidence, pipe.name)


def _nothing(name: str, documents: int) -> InputError:
    return InputError(
        f"{name}: nothing is annotated in the {documents} documents to calibrate on",
        expected="documents with entities, or marked as without any",
    )


def _prior(temperature: float) -> float:
    return 0.5 * _PRIOR * math.log(temperature) ** 2


def _fit_evidence(cfg: dict[str, Any], evidence: Evidence, name: str) -> CalibrationResult:
    from cloudner.model.decoding.lattice import path_log_likelihood
    from cloudner.model.decoding.o_shift import OShift, fit_o_shift, known_spans, with_o_shifted
    from cloudner.model.decoding.platt import fit_platt
    from cloudner.model.decoding.spans import span_probabilities
    from cloudner.report.evaluation.confidence import expected_calibration_error, fit_temperature

    raw, offsets, gold = evidence.scores, evidence.offsets, evidence.gold
    scheme, moves = evidence.scheme, evidence.moves

    def scaled(temperature: float) -> Any:
        return None if moves is None else moves.scaled(temperature)

    known, missed = int((gold >= 0).sum()), sum(evidence.missed.values())
    if not known:
        raise _nothing(name, len(offsets) - 1)
    truth = evidence.truth()

    def loss(temperature: float) -> float:
        mean = path_log_likelihood(raw / temperature, offsets, gold, scheme, scaled(temperature))
        return _prior(temperature) - known * mean

    temperature = fit_temperature(loss) if truth else 1.0
    asked = cfg.get("o_shift", "auto")
    fitted = (
        fit_o_shift(raw, offsets, gold, scheme, moves, temperature=temperature, missed=missed)
        if asked == "auto"
        else OShift(asked, None, None)
    )
    cfg["fitted_o_shift"] = fitted.shift
    spans = known_spans(with_o_shifted(raw, fitted.shift), offsets, gold, scheme, moves)
    right = np.array([tuple(span) in truth for span in spans.tolist()], dtype=bool)
    plain, found = (
        span_probabilities(raw / t, offsets, spans, scheme, scaled(t)) for t in (1.0, temperature)
    )
    platt = fit_platt(found, right)
    errors = [expected_calibration_error(p, right).ece if len(spans) else None for p in (plain, platt(found))]
    cfg["platt"] = list(platt)
    kept = _kept(cfg, temperature, errors, len(offsets) - 1)
    return replace(
        kept,
        platt=tuple(cfg["platt"]),
        o_shift=fitted.shift,
        f1_before=fitted.f1_before,
        f1_after=fitted.f1_after,
    )


def _kept(
    cfg: dict[str, Any], temperature: float, errors: Sequence[float | None], documents: int
) -> CalibrationResult:
    """The result, with the temperature in the component's settings where it makes the error no larger."""
    before, after = errors
    if before is not None and after is not None and after > before:
        # The likelihood of all tags has won, and the entities' confidences would say less than they did.
        logger.info(
            "Temperature %.3f is not kept: ECE %.4f with it, %.4f without", temperature, after, before
        )
        temperature, after = 1.0, before
        if "platt" in cfg:
            cfg["platt"] = [1.0, 0.0]
    cfg["temperature"] = float(temperature)
    return CalibrationResult(float(temperature), before, after, documents)
