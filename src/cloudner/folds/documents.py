"""The documents of a corpus, read as a training config says, and named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc, Span

from cloudner.corpus.convert.decisions import DocumentNames
from cloudner.corpus.files.sources import as_paths
from cloudner.errors import InputError
from cloudner.overrides import check_overrides
from cloudner.overrides import read_config as read

if TYPE_CHECKING:
    from spacy.language import Language
    from thinc.api import Config


@dataclass(frozen=True)
class Corpus:
    """Annotated documents in one vocabulary, with the name of each (`DocumentNames`), and the pipeline, empty but for its
    tokenizer, that read them. group: their annotations are `doc.spans[group]`; None: `doc.ents`."""

    docs: list[Doc]
    names: list[str]
    nlp: Language
    group: str | None = None


def read_corpus(paths: str | Path | Sequence[str | Path], plain: dict[str, Any]) -> Corpus:
    """The documents of files of any annotation format, split into tokens as the config says.

    plain: the training config, interpolated; it says whether annotations are entities or a group of spans. Raises InputError
    for files that cannot be read, and where there is no document with annotation.
    """
    from spacy.util import load_model_from_config
    from thinc.api import Config

    from cloudner.corpus.training.reader import reader_for
    from cloudner.training.groups import learnt_in, scored_group

    blank = Config({**plain, "nlp": {**plain["nlp"], "pipeline": []}, "components": {}})
    nlp = load_model_from_config(blank, auto_fill=True)
    given = as_paths(paths)
    group = scored_group(plain)
    docs = list(reader_for(nlp, given, spans_key=learnt_in(plain)).references(nlp))
    if not any(doc.has_annotation("ENT_IOB") or group in doc.spans for doc in docs):
        raise InputError(
            "no document with entity annotation", file=" ".join(given), expected="an annotated corpus"
        )
    naming = DocumentNames()
    names = [naming.name(meta_of(doc).get("id"), doc.text) for doc in docs]
    return Corpus(docs, names, nlp, group)


def asked_config(path: Path, overrides: Mapping[str, Any], encoder: str | None = None) -> Config:
    """The config that `cloudner train` begins with where it is given these overrides and this encoder: a language brings its
    tokenizer, an encoder is also the one whose pieces are the tokens, and epochs are meant as they are. Raises InputError for a
    missing file, ConfigError for overrides that do not exist."""
    from cloudner.training.resolution import take_request

    if not path.is_file():
        raise InputError("no such config", file=str(path), fix="--config configs/cpu.cfg")
    given = dict(overrides)
    check_overrides(given)
    config: Config = read(path, given)
    take_request(config, given, encoder)
    return config


def read_config(path: Path, overrides: Mapping[str, Any], encoder: str | None = None) -> dict[str, Any]:
    """The same, interpolated."""
    return dict(asked_config(path, overrides, encoder).interpolate())


def annotated_in(doc: Doc, group: str | None) -> Sequence[Span]:
    """A document's annotations: its entities, or the spans of a group, each once; of a document without that group its
    entities, as in training."""
    if group is None or group not in doc.spans:
        return doc.ents
    return list({(span.start, span.end, span.label): span for span in doc.spans[group]}.values())


def corpus_digest(docs: Sequence[Doc]) -> str:
    """Of texts, annotations and groups, in their order: what folds are made of."""
    digest = hashlib.sha256()
    for doc in docs:
        made: list[Any] = [doc.text, _as_tuples(doc.ents), doc.has_annotation("ENT_IOB")]
        if doc.spans:
            made.append({key: _as_tuples(doc.spans[key]) for key in sorted(doc.spans)})
        if (group := meta_of(doc).get("group")) is not None:
            made.append(("group", str(group)))
        digest.update(repr(tuple(made)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _as_tuples(spans: Iterable[Span]) -> list[tuple[int, int, str]]:
    return [(span.start_char, span.end_char, span.label_) for span in spans]


def meta_of(doc: Doc) -> dict[str, Any]:
    """What the corpus says of the document, such as its id and its group."""
    meta = doc.user_data.get("meta")
    return meta if isinstance(meta, dict) else {}
