"""Gold documents beside what a pipeline predicts of them, or a file says that one predicted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from spacy.language import Language

from cloudner.corpus.training.reader import reader_for
from cloudner.errors import ConfigError
from cloudner.loading import load, own_group
from cloudner.report.evaluation.inputs import read_examples
from cloudner.report.evaluation.predictions import PredictionFile
from cloudner.report.evaluation.spans import ScoredDocument, score_document

CHUNK = 2000  # documents in memory at a time; only their texts and spans are kept
T = TypeVar("T")
Source = Language | PredictionFile


def is_file(model: Any) -> bool:
    """Is it a file of predictions? Pipelines are folders, or names of packages."""
    return isinstance(model, (str, Path)) and Path(model).is_file()


def source_of(model: str | Path | Language, device: str) -> tuple[Source, str]:
    """What predicts, and its name."""
    if isinstance(model, Language):
        return model, str(model.path) if model.path else f"{model.lang}_{model.meta['name']}"
    if is_file(model):
        return PredictionFile(model), str(model)
    return load(model, device=device), str(model)


def group_of(source: Source) -> str | None:
    """The group of spans that is scored where nothing else is asked for; None for `doc.ents`."""
    return source.spans_key if isinstance(source, PredictionFile) else own_group(source)


def pipeline_of(source: Source) -> Language:
    """The pipeline; of a file of predictions an empty one that splits texts."""
    return source.nlp() if isinstance(source, PredictionFile) else source


def predict(
    source: Source, files: list[str], gold_preproc: bool, batch_size: int | None, key: str | None
) -> tuple[list[ScoredDocument], int, float]:
    """Documents, words and the seconds that `nlp.pipe` took for them (tokenisation and reading excluded)."""
    if isinstance(source, PredictionFile):
        return _from_file(source, files, key)
    documents: list[ScoredDocument] = []
    words, seconds = 0, 0.0
    for chunk in _chunks(read_examples(source, files, gold_preproc, key), CHUNK):
        started = time.perf_counter()
        predicted = list(source.pipe((example.predicted for example, _ in chunk), batch_size=batch_size))
        seconds += time.perf_counter() - started
        for (example, place), doc in zip(chunk, predicted, strict=True):
            words += len(doc)
            example.predicted = doc
            scored = score_document(example, key)
            if scored is not None:
                scored.place = place
                documents.append(scored)
    return documents, words, seconds


def _from_file(
    source: PredictionFile, files: list[str], key: str | None
) -> tuple[list[ScoredDocument], int, float]:
    if key is None and source.spans_key is not None:
        raise ConfigError(
            f"predictions of doc.spans[{source.spans_key!r}]", file=str(source.path),
            expected="predictions of doc.ents, which are scored", fix=f"--spans-key {source.spans_key}",
        )  # fmt: skip
    nlp = source.nlp()
    gold = (doc for file in files for doc in reader_for(nlp, file, spans_key=key).references(nlp))
    scored = [score_document(example, key) for example in source.examples(gold, key)]
    documents = [each for each in scored if each is not None]
    return documents, sum(document.n_tokens for document in documents), 0.0


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
