"""One mistake in its text: what gold says and what the model says, marked on the same words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from markupsafe import Markup, escape

from cloudner.report.evaluation.mistakes import EntityError

Span = tuple[int, int, str]


def excerpt(error: EntityError, colours: Mapping[str, int]) -> Markup:
    """The context of a mistake as HTML, once.

    The mistaken words are divided where gold or prediction begins or ends: class `g` is what gold covers, `p` what the model
    covers. Each names its label where it ends. Other entities stand as gold has them, `other` where the model does not
    agree. Dots stand where the document goes on.
    """
    gold, predicted = _focus(error, "gold"), _focus(error, "predicted")
    spans = [span for span in (gold, predicted) if span is not None]
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    agreed = set(error.predicted_ents)
    around = [span for span in _apart(error.gold_ents) if span[1] <= start or span[0] >= end]
    before = [span for span in around if span[1] <= start]
    after = [span for span in around if span[0] >= end]
    text = error.context
    parts = [
        Markup("…\u00a0") if error.cut[0] else Markup(""),
        _surrounding(text, 0, start, before, agreed, colours),
        _mistake(text, gold, predicted),
        _surrounding(text, end, len(text), after, agreed, colours),
        Markup("\u00a0…") if error.cut[1] else Markup(""),
    ]
    return Markup("").join(parts)


def _focus(error: EntityError, which: str) -> Span | None:
    entity = error.gold if which == "gold" else error.predicted
    if entity is None:
        return None
    return entity.start_char - error.context_start, entity.end_char - error.context_start, entity.label


def _mistake(text: str, gold: Span | None, predicted: Span | None) -> Markup:
    spans = [span for span in (gold, predicted) if span is not None]
    cuts = sorted({place for span in spans for place in span[:2]})
    parts = []
    for start, end in pairwise(cuts):
        names = [
            name
            for name, span in (("g", gold), ("p", predicted))
            if span and span[0] <= start and end <= span[1]
        ]
        parts.append(Markup('<span class="{}">{}</span>').format(" ".join(names), _lines(text[start:end])))
        for kind, who, span in (("gold", "gold", gold), ("model", "model", predicted)):
            if span and span[1] == end:
                parts.append(Markup('<span class="tag {}">{} <b>{}</b></span>').format(kind, who, span[2]))
    return Markup('<mark class="focus">{}</mark>').format(Markup("").join(parts))


def _surrounding(
    text: str, start: int, end: int, spans: list[Span], agreed: set[Span], colours: Mapping[str, int]
) -> Markup:
    parts, here = [], start
    for span in spans:
        parts.append(_lines(text[here : span[0]]))
        parts.append(
            Markup('<mark class="ent l{}{}">{}<span class="tag">{}</span></mark>').format(
                colours.get(span[2], 0),
                "" if span in agreed else " other",
                _lines(text[span[0] : span[1]]),
                span[2],
            )
        )
        here = span[1]
    return Markup("").join([*parts, _lines(text[here:end])])


def _lines(text: str) -> Markup:
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


def _apart(spans: list[Span]) -> list[Span]:
    """Those of them that can be marked side by side, the longest first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (each[0] - each[1], each)):
        if all(span[1] <= other[0] or other[1] <= span[0] for other in kept):
            kept.append(span)
    return sorted(kept)
