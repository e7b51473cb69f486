"""Suspects among annotations that may lie inside each other and overlap: a pipeline believes each span by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudner.folds.spans import LikelySpan
from cloudner.reviewing.suspicion import (
    WORTH_A_LINE,
    Annotated,
    Confidence,
    Suspect,
    TokenSpan,
    log_odds,
    suspect,
)

_A_TOKEN = 4


def nested_suspects(
    number: int, doc: Annotated, spans: Sequence[LikelySpan], confidence: Confidence
) -> Iterator[Suspect]:
    """A suspect for each annotation and for each likely span that is not annotated and takes no annotation's place; of these
    the most probable four a token.

    Spans do not exclude each other, so an annotation competes with its own absence: the suspicion is half the difference of
    the log-odds that it is not there and that it is, the latter relative to its label's, as a probability. A likely span
    that is not annotated takes the place of an annotation that the pipeline does not believe where it is one in other words
    (`alike`) and at least as probable as there being neither; each takes one place, the most probable first. All others
    are missed; among those that are alike and not believed the most probable stands for all, and there is one of them
    with the probability that not all are absent.
    """
    table = {span[:3]: span.probability for span in spans}
    given = dict.fromkeys(doc.spans)
    free = [
        span
        for span in spans
        if span[:3] not in given
        and span.probability >= WORTH_A_LINE
        and all(doc.known[span.start : span.end])
    ]
    free = sorted(free, key=lambda span: -span.probability)[: _A_TOKEN * len(doc.known)]
    own = {span: table.get(span, 0.0) for span in given}
    places = _places(own, free)
    for span, p in own.items():
        less, nothing = confidence.odds(span[2], p), 1 - p
        other = places.get(span)
        if other is None:
            margin = log_odds(nothing) - less
            yield suspect(number, "invented", span, None, margin, nothing >= confidence.mean)
            continue
        kind = "type" if other[:2] == span[:2] else "boundary"
        margin = log_odds(max(nothing, other.probability)) - less
        sure = other.probability >= confidence.of(other.label)
        yield suspect(number, kind, span, other[:3], margin, sure)
    used = set(places.values())
    yield from _missed(number, [span for span in free if span not in used], confidence)


def alike(one: TokenSpan, other: TokenSpan) -> bool:
    """May the two be the same entity, annotated in two ways? The same words, or the same label and half of all words in
    common."""
    if one[:2] == other[:2]:
        return True
    common = min(one[1], other[1]) - max(one[0], other[0])
    return one[2] == other[2] and 2 * common >= max(one[1], other[1]) - min(one[0], other[0])


def _places(own: dict[TokenSpan, float], free: Sequence[LikelySpan]) -> dict[TokenSpan, LikelySpan]:
    """The likely span that is believed in the place of an annotation."""
    pairs = [
        (span.probability - p, given, span)
        for given, p in own.items()
        if p < 0.5
        for span in free
        if alike(given, span[:3]) and span.probability >= max(p, (1 - p) * (1 - span.probability))
    ]
    places: dict[TokenSpan, LikelySpan] = {}
    taken: set[LikelySpan] = set()
    for _, given, span in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        if given not in places and span not in taken:
            places[given] = span
            taken.add(span)
    return places


def _missed(number: int, free: Sequence[LikelySpan], confidence: Confidence) -> Iterator[Suspect]:
    shown: list[LikelySpan] = []
    for span in free:
        if span.probability < 0.5 and any(alike(span[:3], other[:3]) for other in shown):
            continue
        shown.append(span)
        absent = 1.0
        for other in free:
            if other is span or (other.probability < 0.5 and alike(span[:3], other[:3])):
                absent *= 1 - other.probability
        sure = span.probability >= confidence.of(span.label)
        yield suspect(number, "missed", None, span[:3], 2 * log_odds(1 - absent), sure)
