"""The documents that are reviewed: read, named, and divided into folds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.strings import get_string_id
from spacy.tokens import Doc

from cloudner.corpus.convert.decisions import DocumentNames
from cloudner.corpus.convert.split import assign, linked
from cloudner.errors import ConfigError, InputError

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
    names = [naming.name(_meta(doc).get("id"), doc.text) for doc in docs]
    return Corpus(docs, names, nlp)


def divide(docs: Sequence[Doc], folds: int, seed: int) -> list[int]:
    """The fold of each document, stratified by label. Documents of one text (but for case, digits, punctuation and white
    space) or of one `group` are in one fold. Raises ConfigError where there are fewer such groups than folds."""
    groups = groups_of(docs)
    if folds < 2:
        raise ConfigError(f"{folds} folds", expected="2 or more", fix="--folds 3")
    if len(set(groups)) < 2 * folds:
        raise ConfigError(
            f"{len(set(groups))} different texts for {folds} folds", expected=f"{2 * folds} or more",
            fix="a larger corpus, or --folds 2",
        )  # fmt: skip
    return assign(groups, _labels(docs), [1 / folds] * folds, seed)


def development(docs: Sequence[Doc], share: float, seed: int) -> list[bool]:
    """Which documents of a training are its dev part, with which the best step is chosen and confidences are calibrated."""
    parts = assign(groups_of(docs), _labels(docs), [1 - share, share], seed)
    return [part == 1 for part in parts]


def groups_of(docs: Sequence[Doc]) -> list[int]:
    keys = [int.from_bytes(_digest(_normalised(doc)), "little") for doc in docs]
    outer = [str(group) if (group := _meta(doc).get("group")) is not None else None for doc in docs]
    return linked(keys, outer)


def corpus_digest(docs: Sequence[Doc]) -> str:
    """Of texts and annotations, in their order."""
    digest = hashlib.sha256()
    for doc in docs:
        spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        digest.update(repr((doc.text, spans, doc.has_annotation("ENT_IOB"))).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _normalised(doc: Doc) -> str:
    words = (token.lower_ for token in doc if any(c.isalnum() for c in token.text))
    return " ".join("".join("0" if c.isdigit() else c for c in word) for word in words) or doc.text


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _labels(docs: Sequence[Doc]) -> list[Counter[int]]:
    return [Counter(get_string_id(ent.label_) for ent in doc.ents) for doc in docs]


def _meta(doc: Doc) -> dict[str, Any]:
    meta = doc.user_data.get("meta")
    return meta if isinstance(meta, dict) else {}
