"""Entities exchanged between the documents of a batch: the same sentences with other names in them.

Mentions of one label take each other's places (mention replacement; Dai and Adel, 2020), drawn anew each time a document is
learnt from. It is done on word pieces, so that nothing is tokenised again; the batch is all it knows, so that a training
that goes on after a kill draws the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cloudner.pieces.tokenizer import Pieces


def swapped(
    pieces: Sequence[Pieces], tags: np.ndarray, mentions: np.ndarray, rate: float, random: Any = np.random
) -> tuple[list[Pieces], np.ndarray]:
    """Pieces and tags in which each mention is, at this rate, another of its label in the batch.

    tags: (tokens,) of all documents' tokens that have pieces. mentions: (mentions, 3) int64 of start and end (exclusive)
    in `tags`, and label, ascending, none across documents. random: draws by `random_sample` and `randint`.
    White-space tokens are left out of documents that change.
    """
    picked = random.random_sample(len(mentions)) < rate
    source = np.arange(len(mentions))
    for label in np.unique(mentions[picked, 2]).tolist():
        same = np.flatnonzero(mentions[:, 2] == label)
        wanted = np.flatnonzero(picked & (mentions[:, 2] == label))
        source[wanted] = same[random.randint(len(same), size=len(wanted))]
    if (source == np.arange(len(mentions))).all():
        return list(pieces), tags
    table = _Tokens(pieces)
    made, made_tags = [], []
    doc_of = np.searchsorted(table.offsets, mentions[:, 0], side="right") - 1
    for i, one in enumerate(pieces):
        begin, end = int(table.offsets[i]), int(table.offsets[i + 1])
        inside = np.flatnonzero(doc_of == i)
        changed = bool(len(inside)) and bool((source[inside] != inside).any())
        order = _order(begin, end, mentions, inside, source) if changed else np.arange(begin, end)
        made.append(table.take(order) if changed else one)
        made_tags.append(tags[order])
    return made, np.concatenate(made_tags) if made_tags else tags


def _order(begin: int, end: int, mentions: np.ndarray, inside: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The tokens of the batch that the document [begin, end) now consists of."""
    parts, at = [], begin
    for number in inside.tolist():
        parts.append(np.arange(at, mentions[number, 0]))
        parts.append(np.arange(mentions[source[number], 0], mentions[source[number], 1]))
        at = int(mentions[number, 1])
    parts.append(np.arange(at, end))
    return np.concatenate(parts)


class _Tokens:
    """All tokens of a batch that have pieces. offsets: (documents + 1,) where each document's begin."""

    def __init__(self, pieces: Sequence[Pieces]) -> None:
        solid = [p.counts > 0 for p in pieces]
        self.offsets = np.cumsum([0, *(int(s.sum()) for s in solid)])
        self.ids = np.concatenate([p.ids for p in pieces])
        self.counts = np.concatenate([p.counts[s] for p, s in zip(pieces, solid, strict=True)])
        self.cases = np.concatenate([p.cases[s] for p, s in zip(pieces, solid, strict=True)])
        self.first = np.cumsum(self.counts, dtype=np.int64) - self.counts

    def take(self, order: np.ndarray) -> Pieces:
        """A document of these tokens, in this order."""
        counts = self.counts[order]
        starts = np.cumsum(counts, dtype=np.int64) - counts
        where = np.repeat(self.first[order] - starts, counts) + np.arange(int(counts.sum()))
        return Pieces(ids=self.ids[where], counts=counts, cases=self.cases[order])
