"""`predict` and `predict_stream`: the entities of texts as a table, or one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cloudner.corpus.handed import home_of
from cloudner.errors import ConfigError, InputError
from cloudner.inference.inputs import check_batch_size, documents_of

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


class EntityRow(TypedDict):
    """An entity. document: see `predict`; start, end: characters of the text, end exclusive; confidence: its
    probability, 0 to 1, or None where the pipeline gives none."""

    document: Any
    start: int
    end: int
    label: str
    text: str
    confidence: float | None


_KINDS = ("pandas", "polars", "arrow", "rows")


def predict(
    model: str | Path | Language,
    texts: Any,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    threshold: float | None = None,
    to: str = "auto",
    batch_size: int | None = None,
    device: str = "auto",
) -> Any:
    """The entities of texts, a row each: document, start, end, label, text, confidence.

    model: a loaded pipeline, or its folder or name. texts: a text, texts, Docs, (id, text) pairs, mappings, a data set,
    or a pandas, polars or Arrow table. text_column: by default `text`, or another usual name. document: the value of
    `id_column`, the id of a pair, the index of a pandas frame, or the number of the text from 0. start, end: characters,
    end exclusive. confidence: the probability of the entity, or none where the pipeline gives none. threshold: leave out
    entities below this probability. to: "pandas", "polars", "arrow", "rows" (a list of mappings); "auto": the kind of
    table that was given, else pandas, Arrow or rows, whichever is installed. batch_size: documents that `nlp.pipe` takes
    at once. device: as in `cloudner.load`, for a pipeline given by name.

    Raises InputError for a pipeline that cannot be loaded and for what is no text, ConfigError for settings that cannot
    work.
    """
    kind = _kind(to, texts)
    rows = predict_stream(
        model, texts, text_column=text_column, id_column=id_column, threshold=threshold, batch_size=batch_size,
        device=device,
    )  # fmt: skip
    return _table(list(rows), kind)


def predict_stream(
    model: str | Path | Language,
    texts: Any,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    threshold: float | None = None,
    batch_size: int | None = None,
    device: str = "auto",
) -> Iterator[EntityRow]:
    """The rows of `predict` one after another, in the order of the texts, which may be an endless stream: no more of it is
    read than a batch. Arguments and errors are those of `predict`."""
    from spacy.language import Language

    from cloudner.loading import loaded

    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"threshold = {threshold}", expected="a probability from 0 to 1")
    check_batch_size(batch_size)
    if isinstance(texts, Language):
        raise InputError(
            "a pipeline in the place of the texts", fix="the pipeline first: predict(nlp, texts)"
        )
    nlp = loaded(model, device)
    return _rows(nlp, documents_of(texts, text_column, id_column), threshold, batch_size)


def entities_of(doc: Doc, groups: Sequence[str]) -> list[dict[str, Any]]:
    """Of `doc.ents`, or of the pipeline's `own_groups`: start, end (characters, end exclusive), label, text and confidence
    (None where the pipeline gives none)."""
    from cloudner.pieces.found import found_in_all

    return [
        {
            "start": ent.start_char,
            "end": ent.end_char,
            "label": ent.label_,
            "text": ent.text,
            "confidence": probability,
        }
        for ent, probability in found_in_all(doc, groups)
    ]


def _rows(
    nlp: Language, documents: Iterator[tuple[Any, Any]], threshold: float | None, batch_size: int | None
) -> Iterator[EntityRow]:
    from cloudner.loading import own_groups

    groups = own_groups(nlp)
    pairs = ((_in_vocab(text, nlp), key) for key, text in documents)
    for doc, key in nlp.pipe(pairs, as_tuples=True, batch_size=batch_size):
        for found in entities_of(doc, groups):
            value = found["confidence"]
            if threshold and value is not None and value < threshold:
                continue
            yield EntityRow(
                document=key, start=found["start"], end=found["end"], label=found["label"], text=found["text"],
                confidence=None if value is None else float(value),
            )  # fmt: skip


def _in_vocab(text: str | Doc, nlp: Language) -> str | Doc:
    """A Doc of another pipeline as one of this pipeline's, whose strings its entities' labels are among."""
    if isinstance(text, str) or text.vocab is nlp.vocab:
        return text
    from spacy.tokens import Doc

    return Doc(nlp.vocab).from_bytes(text.to_bytes(exclude=["user_data"]))


def _kind(to: str, texts: Any) -> str:
    """Which table is asked for. Raises ConfigError for one that does not exist or is not installed."""
    from importlib.util import find_spec

    if to != "auto":
        if to not in _KINDS:
            raise ConfigError(f"to = {to!r}", expected=f"auto, {', '.join(_KINDS)}")
        package = {"arrow": "pyarrow"}.get(to, to)
        if to != "rows" and find_spec(package) is None:
            raise ConfigError(f"to = {to!r}: {package} is not installed", fix=f"pip install {package}")
        return to
    home = home_of(texts)
    given = {"pandas": "pandas", "polars": "polars", "pyarrow": "arrow", "datasets": "arrow"}.get(home or "")
    if given is not None:
        return given
    for kind, package in (("pandas", "pandas"), ("arrow", "pyarrow")):
        if find_spec(package) is not None:
            return kind
    return "rows"


def _table(rows: list[EntityRow], kind: str) -> Any:
    """Raises InputError for ids of several types, which a column of polars and Arrow does not hold."""
    if kind == "rows":
        return rows
    names = list(EntityRow.__annotations__)
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}  # type: ignore[literal-required]
    if kind == "pandas":
        import pandas

        words = pandas.Series([""]).dtype  # of texts, also where there is none
        kinds = {"start": "int64", "end": "int64", "label": words, "text": words, "confidence": "float64"}
        return pandas.DataFrame(columns).astype(kinds)
    try:
        return _polars(columns) if kind == "polars" else _arrow(columns)
    except (TypeError, ValueError) as error:
        types = sorted({type(each).__name__ for each in columns["document"]})
        raise InputError(
            f"ids of documents of the types {', '.join(types)}", expected="ids of one type", fix='to="rows"'
        ) from error


def _polars(columns: dict[str, list[Any]]) -> Any:
    import polars

    schema: Any = {"start": polars.Int64, "end": polars.Int64, "label": polars.String, "text": polars.String,
                   "confidence": polars.Float64}  # fmt: skip
    return polars.DataFrame(columns, schema_overrides=schema)


def _arrow(columns: dict[str, list[Any]]) -> Any:
    import pyarrow

    fields = {"start": pyarrow.int64(), "end": pyarrow.int64(), "label": pyarrow.string(), "text": pyarrow.string(),
              "confidence": pyarrow.float64()}  # fmt: skip
    arrays = {name: pyarrow.array(values, type=fields.get(name)) for name, values in columns.items()}
    if not columns["document"]:  # none says of which type the ids are
        arrays["document"] = arrays["document"].cast(pyarrow.string())
    return pyarrow.table(arrays)
