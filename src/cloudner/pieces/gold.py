"""Gold annotation of examples as tags: what is known, and what is missing and must not be taught."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans

from cloudner.errors import ConfigError
from cloudner.pieces.scheme import MISSING, OTHER, TagScheme

logger = logging.getLogger("cloudner")

# spaCy's codes in Doc arrays
_INSIDE, _BEGIN = 1, 3


def gold_tags(
    examples: Sequence[Example],
    scheme: TagScheme,
    *,
    spans_key: str | None = None,
    name: str = "cloudner",
    others: Counter[str] | None = None,
) -> np.ndarray:
    """Tags of the predicted docs' tokens, white space left out, all docs after one another.

    (tokens,) int64, `MISSING` where the gold says nothing: no annotation, `-`, or entities that do not align to
    the predicted tokens. Blocked tokens are O. With `spans_key`, gold are `reference.spans[spans_key]` (longest
    first where they overlap) and what lies in none of them is O. Raises ConfigError for a label the scheme does not have; with
    `others` its entities are counted there, by label, and their tokens are `OTHER`.
    """
    iob, label, solid, other = _entity_arrays(examples, scheme, spans_key, name, others)
    offsets = np.cumsum([0, *(len(eg.predicted) for eg in examples)])
    # Entities by number, so that one whose first token is white space is still told from its neighbour.
    entity_begin = (iob == _BEGIN) & (label >= 0)
    number = np.cumsum(entity_begin) * (label >= 0)
    doc_of = np.repeat(np.arange(len(examples)), np.diff(offsets))[solid]
    iob, label, number = iob[solid], label[solid], number[solid]
    previous_same = np.zeros(len(number), dtype=bool)
    previous_same[1:] = (number[1:] == number[:-1]) & (number[1:] > 0) & (doc_of[1:] == doc_of[:-1])
    next_same = np.append(previous_same[1:], False)
    inner = np.where(next_same, scheme.between(label), scheme.last(label))
    tags = np.where(previous_same, inner, np.where(next_same, scheme.first(label), scheme.only(label)))
    tags = np.where(label >= 0, tags, np.where(iob == 0, MISSING, 0)).astype(np.int64)
    tags[other[solid]] = OTHER
    return tags


def seen_labels(examples: Sequence[Example], spans_key: str | None = None) -> set[str]:
    """The entity labels of the references."""
    labels: set[str] = set()
    for eg in examples:
        labels.update(span.label_ for span in learnt_spans(eg.reference, spans_key) if span.label_)
    return labels


def learnt_spans(reference: Doc, spans_key: str | None = None) -> list[Span]:
    """What tags are made of."""
    return list(reference.ents if spans_key is None else reference.spans.get(spans_key, ()))


def aligned_spans(eg: Example, spans: Sequence[Span]) -> tuple[list[Span], np.ndarray]:
    """Spans of the reference on the predicted tokens, and (tokens,) bool: in one that does not align?"""
    share_labels(eg, spans)
    found: list[Span] = []
    lost = np.zeros(len(eg.predicted), dtype=bool)
    for span in spans:
        aligned = eg.get_aligned_spans_y2x([span], allow_overlap=True)
        found += aligned
        if not aligned:
            lost[eg.alignment.y2x[span.start : span.end].ravel()] = True
    return found, lost


def tell_misaligned(
    examples: Sequence[Example], annotated: Callable[[Doc], Sequence[Span]], name: str = "cloudner"
) -> int:
    """Warns of entities that do not begin and end with a predicted token, which cannot be learnt. Returns how many. annotated:
    what is learnt from a reference."""
    n_spans, n_lost, first = 0, 0, None
    for eg in examples:
        spans = annotated(eg.reference)
        n_spans += len(spans)
        if not spans or np.array_equal(eg.predicted.to_array(ORTH), eg.reference.to_array(ORTH)):
            continue
        share_labels(eg, spans)
        lost = [span for span in spans if not eg.get_aligned_spans_y2x([span], allow_overlap=True)]
        n_lost += len(lost)
        first = first or next(iter(lost), None)
    if first is not None:
        logger.warning(
            "%s: %d of the %d annotated entities begin or end inside a token of this pipeline, and are not learnt (such as "
            "%.40r, %s). Were they annotated on the tokens of another language or tokenizer than those of [nlp]?",
            name,
            n_lost,
            n_spans,
            first.text,
            first.label_,
        )
    return n_lost


def tell_others(name: str, others: Mapping[str, int]) -> None:
    """Warns of entities that the component `name` cannot find, counted by label, among those it is calibrated on."""
    if others:
        logger.warning(
            "%s: %s of the entities to calibrate on have labels that training had not, and count as missed: %s.",
            name,
            f"{sum(others.values()):,}",
            ", ".join(f"{label} ({count:,})" for label, count in sorted(others.items())),
        )


def share_labels(eg: Example, spans: Iterable[Span]) -> None:
    """A span is aligned by its label's hash, which the predicted document's vocabulary may not know: references often come
    from another pipeline's."""
    strings = eg.predicted.vocab.strings
    if strings is not eg.reference.vocab.strings:
        for label in {span.label_ for span in spans}:
            strings.add(label)


def new_label(name: str, found: str, labels: Sequence[str]) -> ConfigError:
    """The error of a label that the component `name` does not have."""
    return ConfigError(
        f"{name}: the label {found!r} was not there at initialisation",
        expected=f"one of {', '.join(labels) or 'no label at all'}",
        fix=f"nlp.get_pipe({name!r}).add_label({found!r}), or list all labels in [initialize.components.{name}]",
    )


def mentions_in(examples: Sequence[Example], tags: np.ndarray, scheme: TagScheme) -> np.ndarray:
    """(entities, 3) int64 of the start and end (exclusive) in `tags` and the label of each. tags: `gold_tags` of the examples."""
    sizes = [int((eg.predicted.to_array(IS_SPACE) == 0).sum()) for eg in examples]
    return scheme.decode(np.maximum(tags, 0), np.cumsum([0, *sizes]))


def solid_tokens(docs: Sequence[Doc]) -> np.ndarray:
    """(tokens,) bool over all docs: is the token not white space?"""
    if not docs:
        return np.zeros(0, dtype=bool)
    return np.concatenate([doc.to_array(IS_SPACE) for doc in docs]) == 0


def _entity_arrays(
    examples: Sequence[Example],
    scheme: TagScheme,
    spans_key: str | None,
    name: str,
    others: Counter[str] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per token of the predicted docs: spaCy's IOB code (0 missing), label index (-1 none), not white space, and in an entity
    of a label that the scheme does not have."""
    tables: list[np.ndarray] = []
    label_hash: np.ndarray = np.zeros(0, dtype=np.uint64)
    for eg in examples:
        predicted = eg.predicted.to_array([ORTH, IS_SPACE])
        if spans_key is None:
            reference = eg.reference.to_array([ORTH, ENT_IOB, ENT_TYPE])
            if len(reference) == len(predicted) and np.array_equal(reference[:, 0], predicted[:, 0]):
                tables.append(np.column_stack([reference[:, 1:], predicted[:, 1]]))
                continue
        tables.append(np.column_stack([_aligned(eg, spans_key), predicted[:, 1]]))
    table = np.concatenate(tables) if tables else np.zeros((0, 3), dtype=np.uint64)
    iob, label_hash, solid = table[:, 0].astype(np.int64), table[:, 1], table[:, 2] == 0
    label = np.full(len(iob), -1, dtype=np.int64)
    other = np.zeros(len(iob), dtype=bool)
    entity = ((iob == _BEGIN) | (iob == _INSIDE)) & (label_hash != 0)
    index = {value: i for i, value in enumerate(scheme.labels)}
    for value in np.unique(label_hash[entity]).tolist():
        found = next(
            strings[value] for eg in examples if value in (strings := eg.reference.vocab.strings)
        )  # each reference may have a vocabulary of its own
        if found in index:
            label[label_hash == value] = index[found]
        elif others is None:
            raise new_label(name, found, scheme.labels)
        else:
            mine = entity & (label_hash == value)
            others[found] += int((mine & (iob == _BEGIN)).sum())
            other |= mine
    return iob, np.where(entity, label, -1), solid, other


def _aligned(eg: Example, spans_key: str | None) -> np.ndarray:
    """(tokens, 2) uint64 of IOB code and label hash on the predicted tokens, where tokens differ or spans are gold."""
    n_tokens = len(eg.predicted)
    table = np.zeros((n_tokens, 2), dtype=np.uint64)
    strings = eg.reference.vocab.strings
    if spans_key is not None:
        if spans_key not in eg.reference.spans:
            return table
        spans, lost = aligned_spans(eg, list(eg.reference.spans[spans_key]))
        table[:, 0] = np.where(lost, 0, 2)
        for span in filter_spans(spans):
            table[span.start : span.end, 0] = _INSIDE
            table[span.start, 0] = _BEGIN
            table[span.start : span.end, 1] = strings.add(span.label_)
        return table
    share_labels(eg, eg.reference.ents)
    for i, tag in enumerate(eg.get_aligned_ner()):
        if tag is None or tag in ("", "-"):
            continue
        if tag == "O" or len(tag) < 3:
            table[i, 0] = 2
            continue
        table[i] = (_BEGIN if tag[0] in "BU" else _INSIDE, strings.add(tag[2:]))
    return table
