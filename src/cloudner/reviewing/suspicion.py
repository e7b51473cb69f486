"""What a suspect is, and what makes probabilities of different labels comparable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spacy.tokens import Doc

from cloudner.folds.documents import annotated_in
from cloudner.folds.spans import FLOOR, LikelySpan

KINDS = ("type", "boundary", "missed", "invented")
# A span that is not annotated is worth a line from this probability on.
WORTH_A_LINE = 0.05
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
    def of(cls, doc: Doc, group: str | None = None) -> Annotated:
        """group: its annotations are `doc.spans[group]`, where it has that group, and all is known then."""
        spans = [(span.start, span.end, span.label_) for span in annotated_in(doc, group)]
        known = group is not None and group in doc.spans
        return cls(spans, [known or token.ent_iob != 0 for token in doc])


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
        return log_odds(probability) - log_odds(self.of(label)) + log_odds(self.mean)


def suspect(
    number: int, kind: str, given: TokenSpan | None, suggested: TokenSpan | None, margin: float, sure: bool
) -> Suspect:
    """margin: the log-odds of what is believed less those of what is annotated."""
    return Suspect(number, kind, given, suggested, 1 / (1 + math.exp(-margin / 2)), sure)


def log_odds(probability: float) -> float:
    p = min(max(probability, FLOOR / 2), 1 - FLOOR / 2)
    return math.log(p / (1 - p))
