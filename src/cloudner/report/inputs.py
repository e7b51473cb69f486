"""What an evaluation reads: `.spacy` files, the entities of the training data, the record of the training run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Corpus, Example

from cloudner.errors import InputError


def spacy_files(data: str | Path | Sequence[str | Path]) -> list[Path]:
    """The `.spacy` files given, and those inside the folders given, in the order of their names.

    Raises `InputError` for what is not there, is no `.spacy` file, or holds none.
    """
    given = [data] if isinstance(data, (str, Path)) else list(data)
    files: list[Path] = []
    for item in map(Path, given):
        if item.is_dir():
            found = sorted(item.rglob("*.spacy"))
            if not found:
                raise InputError("no .spacy file in this folder", file=str(item))
            files += found
        elif not item.exists():
            raise InputError("no such file", file=str(item), expected="a .spacy file or a folder of them")
        elif item.suffix != ".spacy":
            raise InputError(
                "not a .spacy file",
                file=str(item),
                fix=f"python -m spacy cloudner convert {shlex.join([str(item), str(item.with_suffix('.spacy'))])}",
            )
        else:
            files.append(item)
    if not files:
        raise InputError("no data given", expected="a .spacy file or a folder of them")
    return files


def doc_bin(path: Path) -> DocBin:
    """The documents of one file; raises `InputError`, which names it, if they cannot be read."""
    try:
        return DocBin().from_disk(path)
    except Exception as error:  # zlib, msgpack and srsly each raise their own
        raise InputError(
            f"cannot be read as a .spacy file ({type(error).__name__}: {error})",
            file=str(path),
            expected="a file written by `spacy convert`, `cloudner convert` or DocBin.to_disk",
        ) from None


def read_examples(nlp: Language, files: list[Path], gold_preproc: bool) -> Iterator[Example]:
    """Gold documents beside fresh ones of the pipeline's tokenizer, or of the gold tokens with `gold_preproc`."""
    for path in files:
        doc_bin(path)  # tells a broken file by name
        yield from Corpus(path, gold_preproc=gold_preproc)(nlp)


def training_surfaces(train: str | Path | Sequence[str | Path]) -> dict[str, set[str]]:
    """Labels by entity text (white space normalised) in `.spacy` files, for `scores_by_seen`."""
    surfaces: dict[str, set[str]] = {}
    vocab = spacy.blank("xx").vocab
    for path in spacy_files(train):
        for doc in doc_bin(path).get_docs(vocab):
            for span in doc.ents:
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
            log = [record for record in srsly.read_jsonl(file, skip=True) if isinstance(record, dict)]
        file = folder / "run.json"
        if not run and file.is_file():
            found = srsly.read_json(file)
            run = found if isinstance(found, dict) else {}
    return log, run
