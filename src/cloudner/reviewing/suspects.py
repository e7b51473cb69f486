"""Which annotations are probably wrong, from the probabilities of a pipeline that has not seen them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spacy.tokens import Doc

from cloudner.folds.spans import FLOOR, LikelySpan

KINDS = ("type", "boundary", "missed", "invented")
# A span that is not annotated is worth a line from this probability on.
_WORTH_A_LINE = 0.05
# Annotations of a label from which its own confidence is known; below it counts as the mean of all labels.
_ENOUGH = 10

TokenSpan = tuple[int, int, str]  # first token, end (exclusive), label


@dataclass(frozen=True)
class Suspect:
    """An annotation, or the lack of one, and what is believed instead.

    document: its number in the corpus. kind: "type" (another label), "boundary" (other tokens, whatever the label),
    "missed" (nothing is annotated) or "invented" (nothing should be). given, suggested: token spans; None for nothing.
    probability: of the annotation being wrong, after the labels' confidences are made comparable. confident: is what
    is believed instead at least as probable as such annotations are on average?
    """

    document: int
    kind: str
    given: TokenSpan | None
    suggested: TokenSpan | None
    probability: float
    confident: bool


@dataclass(frozen=True)
class Annotated:
    """What the search reads of a document. known: for each token, did anybody say whether it is in an entity?"""

    spans: list[TokenSpan]
    known: list[bool]

    @classmethod
    def of(cls, doc: Doc) -> Annotated:
        return cls(
            [(ent.start, ent.end, ent.label_) for ent in doc.ents], [token.ent_iob != 0 for token in doc]
        )


def find_suspects(docs: Sequence[Annotated], likely: Sequence[Sequence[LikelySpan]]) -> list[Suspect]:
    """A suspect for each annotation and each likely span where nothing is annotated, the most probable error first.

    likely: the out-of-fold spans of each document. What is annotated competes with the most probable of: a span that
    overlaps it, another label, and nothing. Its log-odds count relative to the confidence that its label gets on average,
    after confident learning (Northcutt, Jiang & Chuang 2021), so that labels of which the pipeline is never sure are not
    all suspects. Half the difference of the two log-odds, as a probability, is the suspicion; where nothing is
    annotated, that is the probability of the missed entity itself.
    """
    confidence = Confidence(docs, likely)
    found: list[Suspect] = []
    for number, (doc, spans) in enumerate(zip(docs, likely, strict=True)):
        if any(doc.known):
            found += _annotated(number, doc, spans, confidence)
            found += _missed(number, doc, spans, confidence)
    return sorted(found, key=lambda each: (-each.probability, each.document, each.given or (), each.kind))


class Confidence:
    """What probability the pipeline gives to annotations of a label on average: the thresholds of confident learning.

    of: by label. Labels of fewer than 10 annotations have the mean of all. The annotations include the wrong ones, which
    lowers all of them a little.
    """

    def __init__(self, docs: Sequence[Annotated], likely: Sequence[Sequence[LikelySpan]]) -> None:
        by_label: dict[str, list[float]] = {}
        for doc, spans in zip(docs, likely, strict=True):
            table = {(span.start, span.end, span.label): span.probability for span in spans}
            for span in doc.spans:
                by_label.setdefault(span[2], []).append(table.get(span, 0.0))
        every = [p for values in by_label.values() for p in values]
        self.mean = sum(every) / len(every) if every else 0.5
        self._of = {label: sum(p) / len(p) for label, p in by_label.items() if len(p) >= _ENOUGH}

    def of(self, label: str) -> float:
        return self._of.get(label, self.mean)

    def odds(self, label: str, probability: float) -> float:
        """The log-odds of a probability, less those by which the label's confidence differs from the mean."""
        return _log_odds(probability) - _log_odds(self.of(label)) + _log_odds(self.mean)


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
            yield _suspect(
                number, "invented", given, None, _log_odds(nothing) - less, nothing >= confidence.mean
            )
        else:
            kind = "type" if (best.start, best.end) == (start, end) else "boundary"
            sure = best.probability >= confidence.of(best.label)
            more = _log_odds(best.probability)
            yield _suspect(number, kind, given, (best.start, best.end, best.label), more - less, sure)


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
        if span.probability < _WORTH_A_LINE:
            break
        if any(span.start < other.end and other.start < span.end for other in taken):
            continue
        taken.append(span)
        # Spans that overlap exclude each other: that there is one of them is as probable as all together.
        total = sum(o.probability for o in free if o.start < span.end and span.start < o.end)
        sure = span.probability >= confidence.of(span.label)
        yield _suspect(
            number, "missed", None, (span.start, span.end, span.label), 2 * _log_odds(min(1.0, total)), sure
        )


def _suspect(
    number: int, kind: str, given: TokenSpan | None, suggested: TokenSpan | None, margin: float, sure: bool
) -> Suspect:
    return Suspect(number, kind, given, suggested, 1 / (1 + math.exp(-margin / 2)), sure)


def _log_odds(probability: float) -> float:
    p = min(max(probability, FLOOR / 2), 1 - FLOOR / 2)
    return math.log(p / (1 - p))
