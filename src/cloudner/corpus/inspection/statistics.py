"""Counts and lengths of one split."""

from __future__ import annotations

from typing import Any

import numpy as np

from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.inspection.nesting import add_groups
from cloudner.corpus.inspection.pieces import PieceCounter
from cloudner.corpus.inspection.result import LONGEST, PERCENTILES, SplitStats, length_names
from cloudner.encoders.limits import SPECIAL_PIECES


class Tally:
    """Counts and lengths of one split as its chunks pass."""

    def __init__(self, name: str, path: str, counter: PieceCounter | None) -> None:
        self.stats = SplitStats(name, path)
        self.unseen_words = 0
        self._counter = counter
        self._lengths: list[Any] = []
        self._sentences: list[Any] = []
        self._pieces: list[Any] = []

    def add(self, chunk: Chunk) -> None:
        stats = self.stats
        add_groups(stats.spans, chunk)
        stats.docs += len(chunk)
        stats.tokens += len(chunk.orth)
        stats.unannotated += int((chunk.iob == 0).sum())
        self._lengths.append(chunk.lengths.astype(np.int32))
        begins = chunk.sent_start == 1
        begins[chunk.starts] = True
        places = np.flatnonzero(begins)
        self._sentences.append(np.diff(np.append(places, len(begins))).astype(np.int32))
        stats.sentences += len(places)
        stats.docs_with_sentences += int(np.logical_or.reduceat(chunk.sent_start != 0, chunk.starts).sum())
        starts, ends, kinds = chunk.entities()
        stats.entities += len(starts)
        stats.docs_without_entities += len(chunk) - len(np.unique(chunk.doc_of(starts)))
        sizes = np.minimum(ends - starts, LONGEST)
        pairs, counts = np.unique(np.stack([kinds, sizes.astype(np.uint64)]), axis=1, return_counts=True)
        for (kind, size), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            label = chunk.string(kind)
            stats.labels[label] += count
            row = stats.label_lengths.setdefault(label, dict.fromkeys(length_names(), 0))
            row[length_names()[size - 1]] += count
        if self._counter is not None:
            pieces, unknown = self._counter.add(chunk)
            self._pieces.append(pieces)
            stats.unknown_pieces += unknown

    def finish(self) -> SplitStats:
        stats = self.stats
        lengths = np.concatenate(self._lengths)
        stats.tokens_per_doc = _percentiles(lengths)
        stats.tokens_per_sentence = _percentiles(np.concatenate(self._sentences))
        stats.docs_by_tokens = _histogram(lengths)
        if self._counter is not None:
            pieces = np.concatenate(self._pieces)
            stats.pieces = int(pieces.sum())
            stats.pieces_per_doc = _percentiles(pieces + SPECIAL_PIECES)
            stats.docs_by_pieces = _histogram(pieces + SPECIAL_PIECES)
            stats.over_window = int((pieces + SPECIAL_PIECES > self._counter.window).sum())
        return stats


def _percentiles(values: Any) -> dict[str, float]:
    # Lengths that occur ("higher"), not ones between two documents.
    found = np.percentile(values, PERCENTILES, method="higher").tolist()
    return {"mean": round(float(values.mean()), 2)} | {
        str(name): int(value) for name, value in zip(PERCENTILES, found, strict=True)
    }


def _histogram(values: Any, bins: int = 24) -> tuple[list[int], list[int]]:
    """Lower bounds and counts of at most 24 bins up to the 99th percentile; the last bin has all above."""
    top = int(np.percentile(values, 99, method="higher"))
    width = max(1, -(-(top + 1) // bins))
    rows = np.minimum(values // width, bins - 1)
    counts = np.bincount(rows.astype(np.int64))
    return [i * width for i in range(len(counts))], counts.tolist()
