"""What a pipeline has written into a document, read back with its probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spacy.tokens import Doc, Span


def found_in(doc: Doc, group: str | None) -> list[tuple[Span, float | None]]:
    """`doc.ents`, or where a group is named the spans of `doc.spans[group]`, each with its probability where there is one. Of
    a group they are those of `attrs["scores"]`: several labels in one place share `span._.confidence`."""
    if group is None:
        known = Span.has_extension("confidence")
        return [(span, _probability(span._.confidence) if known else None) for span in doc.ents]
    if group not in doc.spans:
        return []
    spans = doc.spans[group]
    scores = spans.attrs.get("scores")
    values = [None] * len(spans) if scores is None or len(scores) != len(spans) else list(scores)
    return [(span, _probability(value)) for span, value in zip(spans, values, strict=True)]


def found_in_all(doc: Doc, groups: Sequence[str]) -> list[tuple[Span, float | None]]:
    """`found_in` of every group together, by where they begin and the longer first; of no group, `doc.ents`. What several
    groups have with the same label is there once, with its highest probability."""
    if len(groups) < 2:
        return found_in(doc, groups[0] if groups else None)
    best: dict[tuple[int, int, str], tuple[Span, float | None]] = {}
    for span, probability in (found for group in groups for found in found_in(doc, group)):
        key = span.start, -span.end, span.label_
        known = best.get(key)
        if known is None or (probability or 0.0) > (known[1] or 0.0):
            best[key] = span, probability
    return [best[key] for key in sorted(best)]


def _probability(value: Any) -> float | None:
    if value is None or not math.isfinite(value := float(value)):
        return None
    # Sums of probabilities overshoot 1 by an epsilon.
    return min(1.0, max(0.0, value))
