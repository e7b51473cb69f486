"""Gold annotation of examples as spans, which may nest and overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from spacy.attrs import ENT_IOB, ORTH
from spacy.tokens import Doc, Span
from spacy.training import Example

from cloudner.pieces.gold import aligned_spans, new_label, share_labels, solid_tokens


@dataclass(slots=True)
class SpanAnnotation:
    """The spans of some examples over the predicted docs' tokens, white space left out, all docs after one another.

    spans: (spans, 3) int64 first token, last token (inside), label index; each once, by first token.
    unknown: (tokens,) bool; of a span with such a token in it nothing is known, unless it is among `spans`.
    from_ents: documents whose entities were taken, since they have no such group of spans.
    """

    spans: np.ndarray
    unknown: np.ndarray
    from_ents: int


def gold_spans(
    examples: Sequence[Example],
    labels: Sequence[str],
    key: str,
    name: str = "cloudner_spans",
    others: Counter[str] | None = None,
) -> SpanAnnotation:
    """`reference.spans[key]`; where a reference has no such group, its entities, and where it has no entities either,
    nothing is known. Tokens of which its entities say nothing are unknown, whether there is a group or not. Spans that do
    not align to the predicted tokens are left out, their tokens unknown.

    Raises ConfigError for a label that is not in `labels`; with `others` its spans are counted there, by label, and left out.
    """
    index = {label: i for i, label in enumerate(labels)}
    rows: list[tuple[int, int, int]] = []
    parts: list[np.ndarray] = []
    at = from_ents = 0
    for eg in examples:
        found, unknown, of_ents = _of_example(eg, key)
        for start, end, label in found:
            if label not in index:
                if others is None:
                    raise new_label(name, label, labels)
                others[label] += 1
                continue
            rows.append((at + start, at + end, index[label]))
        parts.append(unknown)
        at += len(unknown)
        from_ents += of_ents
    solid = solid_tokens([eg.predicted for eg in examples])
    before = np.concatenate([[0], np.cumsum(solid)])
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    table = np.stack([before[table[:, 0]], before[table[:, 1]] - 1, table[:, 2]], axis=1)
    table = np.unique(table[table[:, 1] >= table[:, 0]], axis=0)
    return SpanAnnotation(table, np.concatenate([*parts, np.zeros(0, bool)])[solid], from_ents)


def span_labels(examples: Iterable[Example], key: str) -> set[str]:
    """The labels of the spans that `gold_spans` finds."""
    return {span.label_ for eg in examples for span in annotated(eg.reference, key) if span.label_}


def annotated(doc: Doc, key: str | None) -> list[Span]:
    """What is learnt from: the group of spans of this name where there is one, else the entities."""
    return list(doc.ents if key is None else doc.spans.get(key, doc.ents))


def _of_example(eg: Example, key: str) -> tuple[list[tuple[int, int, str]], np.ndarray, bool]:
    """First token, end (exclusive) and label of its spans, (tokens,) bool unknown ones, and whether they are entities."""
    predicted, reference = eg.predicted, eg.reference
    unknown = np.zeros(len(predicted), dtype=bool)
    of_ents, tagged = key not in reference.spans, reference.has_annotation("ENT_IOB")
    if of_ents and not tagged:
        return [], ~unknown, False
    spans = [span for span in annotated(reference, key) if span.label_]
    if np.array_equal(predicted.to_array(ORTH), reference.to_array(ORTH)):
        if tagged:
            unknown = reference.to_array(ENT_IOB) == 0
        return [(span.start, span.end, span.label_) for span in spans], unknown, of_ents
    if tagged:
        share_labels(eg, reference.ents)
        unknown = np.array([tag in (None, "", "-") for tag in eg.get_aligned_ner()], dtype=bool)
    found, lost = aligned_spans(eg, spans)
    return [(span.start, span.end, span.label_) for span in found], unknown | lost, of_ents
