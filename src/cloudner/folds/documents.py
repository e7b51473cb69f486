"""The documents of a corpus, read as a training config says, and named."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc

from cloudner.corpus.convert.decisions import DocumentNames
from cloudner.errors import InputError
from cloudner.overrides import check_overrides
from cloudner.overrides import read_config as read

if TYPE_CHECKING:
    from spacy.language import Language


@dataclass(frozen=True)
class Corpus:
    """Annotated documents in one vocabulary, with the name of each (`DocumentNames`), and the pipeline, empty but for its
    tokenizer, that read them."""

    docs: list[Doc]
    names: list[str]
    nlp: Language


def read_corpus(paths: str | Path | Sequence[str | Path], plain: dict[str, Any]) -> Corpus:
    """The documents of files of any annotation format, split into tokens as the config says.

    plain: the training config, interpolated. Raises InputError for files that cannot be read, and where there is no
    document with entity annotation.
    """
    from spacy.util import load_model_from_config
    from thinc.api import Config

    from cloudner.corpus.training.reader import reader_for

    blank = Config({**plain, "nlp": {**plain["nlp"], "pipeline": []}, "components": {}})
    nlp = load_model_from_config(blank, auto_fill=True)
    given = [str(paths)] if isinstance(paths, (str, Path)) else [str(path) for path in paths]
    docs = list(reader_for(nlp, given).references(nlp))
    if not any(doc.has_annotation("ENT_IOB") for doc in docs):
        raise InputError(
            "no document with entity annotation", file=" ".join(given), expected="an annotated corpus"
        )
    naming = DocumentNames()
    names = [naming.name(meta_of(doc).get("id"), doc.text) for doc in docs]
    return Corpus(docs, names, nlp)


def read_config(path: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """A training config, interpolated, with the tokenizer that `cloudner train` takes for it. Raises InputError for a missing
    file, ConfigError for overrides that do not exist."""
    from cloudner.training.language import fit_tokenizer

    if not path.is_file():
        raise InputError("no such config", file=str(path), fix="--config configs/cpu.cfg")
    check_overrides(overrides)
    config = read(path, overrides)
    fit_tokenizer(config, overrides)
    return dict(config.interpolate())


def corpus_digest(docs: Sequence[Doc]) -> str:
    """Of texts and annotations, in their order."""
    digest = hashlib.sha256()
    for doc in docs:
        spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        digest.update(repr((doc.text, spans, doc.has_annotation("ENT_IOB"))).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def meta_of(doc: Doc) -> dict[str, Any]:
    """What the corpus says of the document, such as its id and its group."""
    meta = doc.user_data.get("meta")
    return meta if isinstance(meta, dict) else {}
