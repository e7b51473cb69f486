"""The data that a pipeline is calibrated on, and how its components meet it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import resolve_dot_names

from cloudner.corpus.files.sources import is_many
from cloudner.errors import InputError, first_line, of_kind


def examples_of(nlp: Language, data: str | Path | Sequence[Example] | None) -> list[Example]:
    """data: a path or URL, read as the config says of the dev corpus; examples; None: the dev corpus of the config. Raises
    InputError for anything else, and where there is no document."""
    if data is None:
        config = nlp.config.interpolate()
        try:
            (corpus,) = resolve_dot_names(config, [config["training"]["dev_corpus"]])
        except ValueError as error:
            raise InputError(
                f"no dev corpus in the pipeline's config: {first_line(error)}",
                expected="data to calibrate on",
            ) from error
        examples = list(corpus(nlp))
    elif isinstance(data, (str, Path)):
        from cloudner.corpus.training.reader import reader_for

        examples = list(reader_for(nlp, data)(nlp))
    else:
        examples = [*data] if is_many(data) else [data]
        for each in examples:
            of_kind(each, Example, "data to calibrate on", "one path, or spaCy's Examples")
    if not any(len(eg.predicted) for eg in examples):
        raise InputError("no documents to calibrate on")
    return examples


def as_met_by(pipe: Any, nlp: Language, examples: Sequence[Example]) -> Sequence[Example]:
    """The examples with their predicted documents as they come to a component of `nlp`: copies on which the components before
    it have run, which set sentence boundaries and the vectors of a listener."""
    here = next(i for i, (_, each) in enumerate(nlp.pipeline) if each is pipe)
    if not here:
        return examples
    docs = nlp.pipe([eg.predicted.copy() for eg in examples], disable=nlp.pipe_names[here:])
    return [Example(doc, eg.reference) for doc, eg in zip(docs, examples, strict=True)]
