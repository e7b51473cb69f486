"""What a runner is given to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from spacy.tokens import Doc


@dataclass(slots=True)
class Gold:
    """What to learn from: predicted docs, the tags of their non-space tokens one after another (-1: missing), the
    references under which their pieces are kept, and the dropout rate before the head. mentions: (entities, 3) int64 of
    start and end (exclusive) in `tags`, and label; None where they are not needed."""

    docs: Sequence[Doc]
    tags: np.ndarray
    keys: Sequence[Doc]
    drop: float = 0.0
    mentions: np.ndarray | None = None


@dataclass(slots=True)
class SpanGold:
    """The same for spans: `SpanAnnotation.spans` and `unknown` of the docs.

    counted: set by the runner: how many pairs of a sequence and a label its loss is the sum of.
    rows: set by the runner: (spans,) the sequence each span is in, -1 for none.
    """

    docs: Sequence[Doc]
    spans: np.ndarray
    unknown: np.ndarray
    keys: Sequence[Doc]
    drop: float = 0.0
    counted: int = 0
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    mentions: None = None  # spans that nest are not exchanged


@dataclass(slots=True)
class SpanQuery:
    """Documents to find spans in, and the score from which one is found: 0 is as likely as not."""

    docs: Sequence[Doc]
    least: float = 0.0
