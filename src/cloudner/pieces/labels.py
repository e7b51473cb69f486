"""The labels that a component learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spacy.training import Example

from cloudner.errors import ConfigError
from cloudner.pieces.gold import seen_labels


def labels_of(examples: Sequence[Example], known: Sequence[str], spans_key: str | None) -> list[str]:
    """Those `known` in their order, then the examples' others by name."""
    return [*known, *sorted(seen_labels(examples, spans_key) - set(known))]


def given_labels(labels: Iterable[str], name: str) -> list[str]:
    """The labels that `initialize` was given, each once. Raises ConfigError for what is no list of names, such as the table of
    transitions that `spacy init labels` writes for spaCy's `ner`. name: of the component."""
    expected = f'a list of names, such as ["LOC", "PER"], as `spacy init labels` writes it for {name}'
    if isinstance(labels, (str, bytes, Mapping)):
        shown = ascii(labels) if len(str(labels)) < 60 else f"{ascii(labels)[:60]}..."
        raise ConfigError(f"{name}: labels = {shown}, a {type(labels).__name__}", expected=expected)
    found = list(labels)
    for label in found:
        if not isinstance(label, str) or not label:
            raise ConfigError(f"{name}: the label {label!r}", expected=expected)
    return list(dict.fromkeys(found))


def check_labels(
    labels: Sequence[str], examples: Sequence[Example], name: str, where: str = "doc.ents"
) -> None:
    """Raises ConfigError where there is nothing to learn. where: entities are to be found."""
    if labels:
        return
    if not examples:
        raise ConfigError(
            f"{name}: there are no training examples",
            expected="documents; spacy.Corpus.v1 reads .spacy files only, cloudner.Corpus.v1 the other formats too",
            fix="python -m spacy cloudner convert YOUR_FILE corpus/train.spacy, or "
            "nlp.get_pipe(...).add_label(LABEL) before nlp.initialize()",
        )
    raise ConfigError(
        f"{name}: no entity labels in the {len(examples)} examples",
        expected=f"entities in {where}, or labels given to initialize",
        fix="python -m spacy cloudner inspect CORPUS, or nlp.get_pipe(...).add_label(LABEL) before nlp.initialize()",
    )
