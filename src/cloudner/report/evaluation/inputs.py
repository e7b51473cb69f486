"""What an evaluation reads: annotated data, the entities of the training data, the record of the training run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.atomic import take_back
from cloudner.corpus.files.sources import as_paths
from cloudner.corpus.training.reader import reader_for
from cloudner.errors import InputError, first_line
from cloudner.json_files import json_of, object_of

logger = logging.getLogger("cloudner")


def data_files(data: str | Path | Sequence[str | Path]) -> list[str]:
    """The files and URLs given, of any annotation format; of a folder the `.spacy` files inside, in the order of their
    names, or, where it has none, the folder.

    Raises `InputError` for what is not there.
    """
    files: list[str] = []
    for item in as_paths(data):
        if not item:  # which would be the current folder
            raise InputError("an empty path", expected="annotated data, or a folder of it")
        path = Path(item)
        if "://" not in item:
            take_back(path)  # of a conversion that was killed between two renames
        if "://" not in item and not path.exists():
            raise InputError("no such file", file=item, expected="annotated data, or a folder of it")
        inside = sorted(map(str, path.rglob("*.spacy"))) if path.is_dir() else []
        files += inside or [item]
    if not files:
        raise InputError("no data given", expected="annotated data, or a folder of it")
    return files


def read_examples(
    nlp: Language, files: list[str], gold_preproc: bool, key: str | None = None
) -> Iterator[tuple[Example, tuple[str, int]]]:
    """Gold documents beside fresh ones of the pipeline's tokenizer, or of the gold tokens with `gold_preproc`; each with its
    file and its line there (of a `.spacy` file the document's number, from 1). key: gold is `doc.spans[key]`."""
    for file in files:
        yield from reader_for(nlp, file, gold_preproc, key).with_places(nlp)


def training_surfaces(
    train: str | Path | Sequence[str | Path], nlp: Language | None = None, key: str | None = None
) -> dict[str, set[str]]:
    """Labels by entity text (white space normalised) in the training data, for `scores_by_seen`.

    nlp: the pipeline that was trained on it, whose config says how it is read. key: of `doc.spans[key]`, where a document
    has that group.
    """
    return surfaces_of(training_docs(train, nlp or spacy.blank("xx"), key), key)


def training_docs(
    train: str | Path | Sequence[str | Path], nlp: Language, key: str | None = None
) -> Iterator[Doc]:
    """The documents of the training data, as the config of the pipeline reads them."""
    for file in data_files(train):
        yield from reader_for(nlp, file, spans_key=key).references(nlp)


def surfaces_of(docs: Iterable[Doc], key: str | None = None) -> dict[str, set[str]]:
    """Labels by entity text (white space normalised); key: as in `training_surfaces`."""
    surfaces: dict[str, set[str]] = {}
    for doc in docs:
        for span in doc.ents if key is None else doc.spans.get(key, doc.ents):
            surfaces.setdefault(" ".join(span.text.split()), set()).add(span.label_)
    return surfaces


def training_record(model_path: Path | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The training log (`log.jsonl`) and `run.json` inside the pipeline's folder or beside it."""
    log: list[dict[str, Any]] = []
    run: dict[str, Any] = {}
    if model_path is None:
        return log, run
    for folder in (Path(model_path), Path(model_path).parent):
        file = folder / "log.jsonl"
        if not log and file.is_file():
            # A run that was killed may leave half a line at the end.
            log = list(_records(file))
        file = folder / "run.json"
        if not run and file.is_file():
            try:
                run = object_of(file)
            except (OSError, ValueError) as error:  # scores need none of it
                logger.warning("%s is passed over: %s", file, first_line(error))
    return log, run


def _records(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as stream:
        for line in stream:
            try:
                record = json_of(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record
