"""Out-of-fold predictions: each document is judged by a pipeline that was trained on others, and all of it is kept on disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, DocBin

from cloudner.atomic import remove, write_bytes, write_json, write_text
from cloudner.errors import ConfigError, InputError
from cloudner.loading import load
from cloudner.reviewing.documents import Corpus, corpus_digest, development, divide
from cloudner.reviewing.spans import LikelySpan, likely_spans, unannotated
from cloudner.training.asked import what_is_asked
from cloudner.training.run import train

logger = logging.getLogger("cloudner")

DEV_SHARE = 0.1
# Of the config's epochs and steps: a pipeline that has seen the corpus less often agrees less with its errors.
_SHORTER = 2 / 3


@dataclass(frozen=True)
class FoldOptions:
    """folds: parts of the corpus, each predicted by a pipeline trained on the others. overrides, encoder, gpu_id: as in
    `cloudner.training.train`. keep_pipelines: leave them in `work/fold-N/training`."""

    folds: int = 3
    seed: int = 0
    overrides: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = None
    gpu_id: str | int = "auto"
    keep_pipelines: bool = False


def out_of_fold(
    corpus: Corpus, config: Path, plain: dict[str, Any], work: Path, options: FoldOptions
) -> list[list[LikelySpan]]:
    """The likely spans of each document, by the pipeline that has not seen it.

    work: the folder of what is done already, a file for each fold; after a kill the folds that are there are read, and the
    one that was being trained goes on from its checkpoint. What another corpus or config left there is removed. plain:
    the config, interpolated. Raises what `train` raises.
    """
    part_of = divide(corpus.docs, options.folds, options.seed)
    asked = _asked(corpus, config, plain, options)
    if _kept(work) != asked:
        for path in work.glob("fold-*"):
            remove(path)
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / "asked.json", asked)
    result: list[list[LikelySpan]] = [[] for _ in corpus.docs]
    for fold in range(options.folds):
        here = [i for i, part in enumerate(part_of) if part == fold]
        done = work / f"fold-{fold}.json"
        if not done.is_file():
            others = [corpus.docs[i] for i, part in enumerate(part_of) if part != fold]
            logger.info("Fold %d of %d: %d documents", fold + 1, options.folds, len(here))
            pipeline = _train(others, config, plain, work / f"fold-{fold}", options)
            nlp = load(pipeline, device=_device(options.gpu_id))
            docs = list(unannotated((corpus.docs[i] for i in here), nlp))
            found = [
                [(*span[:3], round(span.probability, 5)) for span in spans]
                for spans in likely_spans(nlp, docs)
            ]
            write_text(done, json.dumps({"documents": here, "spans": found}, ensure_ascii=False))
        if not options.keep_pipelines:  # those of a command that was killed after its predictions, too
            remove(work / f"fold-{fold}")
        for i, spans in _read(done, here):
            result[i] = spans
    return result


def _asked(corpus: Corpus, config: Path, plain: dict[str, Any], options: FoldOptions) -> dict[str, Any]:
    """What the predictions depend on, as JSON."""
    asked = what_is_asked(config, options.overrides, options.encoder, plain)
    del asked["corpora"]  # the config's own, which are not read
    return {**asked, "corpus": corpus_digest(corpus.docs), "folds": options.folds, "seed": options.seed}


def _kept(work: Path) -> Any:
    try:
        return json.loads((work / "asked.json").read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None


def _read(path: Path, here: list[int]) -> list[tuple[int, list[LikelySpan]]]:
    try:
        kept = json.loads(path.read_text(encoding="utf8"))
        assert kept["documents"] == here
        spans = [[LikelySpan(*span) for span in found] for found in kept["spans"]]
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            "the predictions of a fold are damaged", file=str(path), fix=f"remove {path}"
        ) from error
    return list(zip(here, spans, strict=True))


def _train(
    docs: Sequence[Doc], config: Path, plain: dict[str, Any], folder: Path, options: FoldOptions
) -> Path:
    """A pipeline trained on these documents, a tenth of them its dev part."""
    in_dev = development(docs, DEV_SHARE, options.seed)
    paths = {}
    for name, wanted in (("train", False), ("dev", True)):
        paths[name] = folder / f"{name}.spacy"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [doc for doc, dev in zip(docs, in_dev, strict=True) if dev == wanted]
        write_bytes(paths[name], DocBin(docs=chosen).to_bytes())
    overrides = {**shorter(plain, options.overrides), **corpora(plain, paths), **options.overrides}
    return train(
        config, folder / "training", gpu_id=options.gpu_id, overrides=overrides, encoder=options.encoder
    )


def shorter(plain: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Settings for fewer epochs than the config has; none where `overrides` say how long to train, or the config has no epochs."""
    training = plain["training"]
    given = {"training.max_epochs", "training.max_steps", "training.optimizer.learn_rate.min_steps"}
    epochs = training.get("max_epochs") or 0
    if given & set(overrides) or epochs <= 0:
        return {}
    made: dict[str, Any] = {"training.max_epochs": max(1, round(epochs * _SHORTER))}
    rate = training.get("optimizer", {}).get("learn_rate")
    if isinstance(rate, dict) and rate.get("min_steps"):
        made["training.optimizer.learn_rate.min_steps"] = round(rate["min_steps"] * _SHORTER)
    return made


def corpora(plain: dict[str, Any], paths: dict[str, Path]) -> dict[str, Any]:
    """Settings that make the config train on these files. Raises ConfigError for readers without a path, and for a component
    that learns from span groups."""
    for name, component in plain.get("components", {}).items():
        if component.get("gold_spans_key"):
            raise ConfigError(
                f"gold_spans_key = {component['gold_spans_key']!r} of {name}",
                expected="a component that learns doc.ents, which are reviewed",
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
