"""Out-of-fold predictions: each document is judged by a pipeline that was trained on others, and all of it is kept on disk."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from cloudner.atomic import remove, write_bytes, write_json, write_text
from cloudner.errors import ConfigError, InputError
from cloudner.folds.dividing import development, divide
from cloudner.folds.documents import Corpus, corpus_digest
from cloudner.folds.spans import (
    LikelySpan,
    as_evaluated,
    in_characters,
    likely_spans,
    on_tokens,
    threshold_of,
    unannotated,
)
from cloudner.json_files import object_of
from cloudner.loading import load
from cloudner.report.evaluation.predictions import CharSpan
from cloudner.training.asked import what_is_asked
from cloudner.training.run import train
from cloudner.training.silence import said

logger = logging.getLogger("cloudner")

DEV_SHARE = 0.1
# Of the config's epochs and steps: a pipeline that has seen the corpus less often agrees less with its errors.
SHORTER = 2 / 3


@dataclass(frozen=True)
class FoldOptions:
    """folds: parts of the corpus, each predicted by a pipeline trained on the others. dev_share: of the documents that a
    pipeline is trained on. length: of the trainings, as a share of the config's epochs and steps. overrides, encoder, gpu_id:
    as in `cloudner.training.train`. keep_pipelines: leave them in `work/fold-N/training`. show: what the
    trainings print. own_tokens: predict texts as the pipeline splits them, as `cloudner evaluate` does; else the tokens of the
    corpus, whose annotations are judged."""

    folds: int = 3
    seed: int = 0
    overrides: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = None
    gpu_id: str | int = "auto"
    keep_pipelines: bool = False
    dev_share: float = DEV_SHARE
    length: float = SHORTER
    show: bool = True
    own_tokens: bool = False


@dataclass(frozen=True)
class Fold:
    """What a pipeline that has not seen these documents finds in them, in characters of their texts.

    documents: their numbers in the corpus. entities: of each, what the pipeline predicts, with its confidence. likely: of
    each, every span that is possible, with its probability. trained_on: documents of the training and of its dev part.
    seconds: of the training and the prediction, of the last start alone where it was killed.
    """

    documents: list[int]
    entities: list[list[CharSpan]]
    likely: list[list[CharSpan]]
    trained_on: int
    seconds: float


def out_of_fold(
    corpus: Corpus,
    config: Path,
    plain: dict[str, Any],
    work: Path,
    options: FoldOptions,
    told: Callable[[int, Fold], object] | None = None,
) -> list[Fold]:
    """The predictions of each fold, by the pipeline that has not seen it.

    work: the folder of what is done already, a file for each fold; after a kill the folds that are there are read, and the
    one that was being trained goes on from its checkpoint. What another corpus or config left there is removed. plain:
    the config, interpolated. told: called with the number and the predictions of each fold as they are there. Raises what
    `divide` and `train` raise.
    """
    part_of = divide(corpus.docs, options.folds, options.seed, corpus.group)
    asked = _asked(corpus, config, plain, options)
    if _kept(work) != asked:
        for path in work.glob("fold-*"):
            remove(path)
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / "asked.json", asked)
    result = []
    for number in range(options.folds):
        here = [i for i, part in enumerate(part_of) if part == number]
        done = work / f"fold-{number}.json"
        if not done.is_file():
            others = [corpus.docs[i] for i, part in enumerate(part_of) if part != number]
            logger.info("Fold %d of %d: %d documents", number + 1, options.folds, len(here))
            started = time.monotonic()
            pipeline = _train(others, config, plain, work / f"fold-{number}", options, corpus.group)
            nlp = load(pipeline, device=_device(options.gpu_id))
            entities, likely = _predict(nlp, [corpus.docs[i] for i in here], corpus.group, options.own_tokens)
            write_text(done, json.dumps({
                "documents": here, "entities": _rounded(entities), "likely": _rounded(likely), "trained_on": len(others),
                "seconds": round(time.monotonic() - started, 1),
            }, ensure_ascii=False))  # fmt: skip
        if not options.keep_pipelines:  # those of a command that was killed after its predictions, too
            remove(work / f"fold-{number}")
        result.append(_read(done, here))
        if told is not None:
            told(number, result[-1])
    return result


def likely_of(folds: Sequence[Fold], docs: Sequence[Doc]) -> list[list[LikelySpan]]:
    """The likely spans of each document of the corpus, on its tokens."""
    found = {i: spans for fold in folds for i, spans in zip(fold.documents, fold.likely, strict=True)}
    return [on_tokens(doc, found[i]) for i, doc in enumerate(docs)]


def _predict(
    nlp: Language, gold: Sequence[Doc], group: str | None, own_tokens: bool
) -> tuple[list[list[CharSpan]], list[list[CharSpan]]]:
    """Of each document the entities, or the spans of the group, and the likely spans."""
    docs = list(as_evaluated(gold, nlp) if own_tokens else unannotated(gold, nlp))
    entities, likely = _found(nlp, docs, group)
    pairs = [list(zip(docs, gold, found, strict=True)) for found in (entities, likely)]
    first, second = ([in_characters(*each) for each in found] for found in pairs)
    return first, second


def _found(
    nlp: Language, docs: Sequence[Doc], group: str | None
) -> tuple[list[list[LikelySpan]], list[list[LikelySpan]]]:
    """The same on the tokens that the pipeline reads."""
    likely = list(likely_spans(nlp, docs))
    if group is not None:
        least = threshold_of(nlp)
        return [[span for span in spans if span.probability >= least] for spans in likely], likely
    entities = []
    for doc, spans in zip(docs, likely, strict=True):
        known = {span[:3]: span.probability for span in spans}  # for components that write no confidences
        found = []
        for ent in doc.ents:
            key = (ent.start, ent.end, ent.label_)
            p = ent._.confidence if ent.has_extension("confidence") else None
            found.append(LikelySpan(*key, min(1.0, known.get(key, 1.0) if p is None else p)))
        entities.append(found)
        # What a shift of O's score has found may be less probable than what is kept as likely.
        spans[:] = sorted([*spans, *(span for span in found if span[:3] not in known)])
    return entities, likely


def _rounded(documents: Sequence[Sequence[CharSpan]]) -> list[list[list[Any]]]:
    return [[[*span[:3], round(span[3] or 0.0, 5)] for span in spans] for spans in documents]


def _asked(corpus: Corpus, config: Path, plain: dict[str, Any], options: FoldOptions) -> dict[str, Any]:
    """What the predictions depend on, as JSON."""
    asked = what_is_asked(config, options.overrides, options.encoder, plain)
    del asked["corpora"]  # the config's own, which are not read
    own = {name: getattr(options, name) for name in ("folds", "seed", "dev_share", "length", "own_tokens")}
    return {**asked, "corpus": corpus_digest(corpus.docs), **own}


def _kept(work: Path) -> Any:
    try:
        return object_of(work / "asked.json")
    except (OSError, ValueError):
        return None


def _read(path: Path, here: list[int]) -> Fold:
    try:
        kept = object_of(path)
        assert kept["documents"] == here
        entities, likely = _spans(kept["entities"]), _spans(kept["likely"])
        assert len(entities) == len(likely) == len(here)
        return Fold(here, entities, likely, int(kept["trained_on"]), float(kept["seconds"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, AssertionError) as error:
        raise InputError(
            "the predictions of a fold are damaged", file=str(path), fix=f"remove {path}"
        ) from error


def _spans(documents: Sequence[Sequence[Sequence[Any]]]) -> list[list[CharSpan]]:
    return [[(start, end, label, float(p)) for start, end, label, p in spans] for spans in documents]


def _train(
    docs: Sequence[Doc],
    config: Path,
    plain: dict[str, Any],
    folder: Path,
    options: FoldOptions,
    group: str | None,
) -> Path:
    """A pipeline trained on these documents, a share of them its dev part."""
    in_dev = development(docs, options.dev_share, options.seed, group)
    paths = {}
    for name, wanted in (("train", False), ("dev", True)):
        paths[name] = folder / f"{name}.spacy"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [doc for doc, dev in zip(docs, in_dev, strict=True) if dev == wanted]
        write_bytes(paths[name], DocBin(docs=chosen).to_bytes())
    made = {**shorter(plain, options.overrides, options.length), **corpora(plain, paths)}
    with said(options.show):
        return train(
            config, folder / "training", gpu_id=options.gpu_id, overrides={**made, **options.overrides},
            encoder=options.encoder,
        )  # fmt: skip


def shorter(plain: dict[str, Any], overrides: dict[str, Any], length: float = SHORTER) -> dict[str, Any]:
    """Settings for a share of the config's epochs; none where `overrides` say how long to train, or the config has no epochs."""
    training = plain["training"]
    given = {"training.max_epochs", "training.max_steps", "training.optimizer.learn_rate.min_steps"}
    epochs = training.get("max_epochs") or 0
    if length == 1 or given & set(overrides) or epochs <= 0:
        return {}
    made: dict[str, Any] = {"training.max_epochs": max(1, round(epochs * length))}
    rate = training.get("optimizer", {}).get("learn_rate")
    if isinstance(rate, dict) and rate.get("min_steps"):
        made["training.optimizer.learn_rate.min_steps"] = round(rate["min_steps"] * length)
    return made


def corpora(plain: dict[str, Any], paths: dict[str, Path]) -> dict[str, Any]:
    """Settings that make the config train on these files. Raises ConfigError for readers without a path, and for a component
    that learns `doc.ents` from a group of spans."""
    for name, component in plain.get("components", {}).items():
        if component.get("gold_spans_key"):
            raise ConfigError(
                f"gold_spans_key = {component['gold_spans_key']!r} of {name}",
                expected="a component that learns doc.ents, or cloudner_spans",
            )
    made: dict[str, Any] = {}
    for name, path in paths.items():
        dotted = str(plain["training"].get(f"{name}_corpus", ""))
        section: Any = plain
        for key in dotted.split("."):
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or "path" not in section:
            raise ConfigError(
                f"{name}_corpus = {dotted!r} is no reader with a path", expected="cloudner.Corpus.v1"
            )
        made[f"{dotted}.path"] = str(path)
        if name in plain.get("paths", {}):
            made[f"paths.{name}"] = str(path)
    return made


def _device(gpu_id: str | int) -> str:
    return {"auto": "auto", "-1": "cpu"}.get(str(gpu_id), f"cuda:{gpu_id}")
