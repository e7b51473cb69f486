"""Which annotations are probably wrong, from the probabilities of a pipeline that has not seen them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudner.folds.spans import LikelySpan
from cloudner.reviewing.nested import nested_suspects
from cloudner.reviewing.suspicion import (
    KINDS,
    WORTH_A_LINE,
    Annotated,
    Confidence,
    Suspect,
    TokenSpan,
    log_odds,
    suspect,
)

__all__ = ["KINDS", "Annotated", "Confidence", "Suspect", "TokenSpan", "find_suspects"]


def find_suspects(
    docs: Sequence[Annotated], likely: Sequence[Sequence[LikelySpan]], *, nested: bool = False
) -> list[Suspect]:
    """A suspect for each annotation and each likely span where nothing is annotated, the most probable error first.

    likely: the out-of-fold spans of each document. What is annotated competes with the most probable of: a span that
    overlaps it, another label, and nothing. Its log-odds count relative to the confidence that its label gets on average,
    after confident learning (Northcutt, Jiang & Chuang 2021), so that labels of which the pipeline is never sure are not
    all suspects. Half the difference of the two log-odds, as a probability, is the suspicion; where nothing is
    annotated, that is the probability of the missed entity itself.

    nested: annotations may overlap; see `nested_suspects` for what competes then.
    """
    confidence = Confidence(docs, likely)
    found: list[Suspect] = []
    for number, (doc, spans) in enumerate(zip(docs, likely, strict=True)):
        if any(doc.known) and nested:
            found += nested_suspects(number, doc, spans, confidence)
        elif any(doc.known):
            found += _annotated(number, doc, spans, confidence)
            found += _missed(number, doc, spans, confidence)
    return sorted(found, key=lambda each: (-each.probability, each.document, each.given or (), each.kind))


def _annotated(
    number: int, doc: Annotated, spans: Sequence[LikelySpan], confidence: Confidence
) -> Iterator[Suspect]:
    for given in doc.spans:
        start, end, label = given
        own, others = 0.0, []
        for span in spans:
            if span[:3] == given:
                own = span.probability
            elif span.start < end and start < span.end:
                others.append(span)
        nothing = max(0.0, 1 - own - sum(span.probability for span in others))
        best = max(others, key=lambda span: span.probability, default=None)
        less = confidence.odds(label, own)
        if best is None or nothing >= best.probability:
            yield suspect(
                number, "invented", given, None, log_odds(nothing) - less, nothing >= confidence.mean
            )
        else:
            kind = "type" if (best.start, best.end) == (start, end) else "boundary"
            sure = best.probability >= confidence.of(best.label)
            more = log_odds(best.probability)
            yield suspect(number, kind, given, (best.start, best.end, best.label), more - less, sure)


def _missed(
    number: int, doc: Annotated, spans: Sequence[LikelySpan], confidence: Confidence
) -> Iterator[Suspect]:
    free = [
        span
        for span in spans
        if all(doc.known[span.start : span.end])
        and not any(span.start < end and start < span.end for start, end, _ in doc.spans)
    ]
    taken: list[LikelySpan] = []
    for span in sorted(free, key=lambda span: -span.probability):
        if span.probability < WORTH_A_LINE:
            break
        if any(span.start < other.end and other.start < span.end for other in taken):
            continue
        taken.append(span)
        # Spans that overlap exclude each other: that there is one of them is as probable as all together.
        total = sum(o.probability for o in free if o.start < span.end and span.start < o.end)
        sure = span.probability >= confidence.of(span.label)
        yield suspect(
            number, "missed", None, (span.start, span.end, span.label), 2 * log_odds(min(1.0, total)), sure
        )
