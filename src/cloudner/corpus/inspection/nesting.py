"""How the spans of a group lie to each other: inside, across, or in the same place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from spacy.tokens import SpanGroup

from cloudner.corpus.align.builder import NEGATIVE_KEY
from cloudner.corpus.docbin.chunk import Chunk
from cloudner.corpus.docbin.docs import chunk_groups

# How the counts of a group are called, see `count`.
KINDS = ("spans", "nested", "crossing", "same_place")
# What conversion says of annotations that it drops because of others.
DROPPED = ("nested", "overlapping", "conflicting-labels")


def add_groups(total: dict[str, dict[str, int]], chunk: Chunk) -> None:
    """Adds to `total` the counts of each group of spans in the chunk's documents; those known to be wrong are none."""
    for _, groups in chunk_groups(chunk):
        for name, group in groups.items():
            if name != NEGATIVE_KEY:
                own = total.setdefault(name, dict.fromkeys(KINDS, 0))
                for kind, n in zip(KINDS, count(_bounds(group)), strict=True):
                    own[kind] += n


def _bounds(group: SpanGroup) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in group]


def count(spans: Sequence[tuple[int, int]]) -> tuple[int, int, int, int]:
    """All of them (start, end), those that lie inside a longer one, those that share some tokens with another and have some
    that it has not, and those that have another in the same place."""
    ordered = np.array(sorted(spans), dtype=np.int64).reshape(-1, 2)
    inside, across, same = (np.zeros(len(ordered), dtype=bool) for _ in range(3))
    for i, (start, end) in enumerate(ordered.tolist()):
        stop = int(np.searchsorted(ordered[:, 0], end, side="left"))
        others = ordered[i + 1 : stop]
        equal = (others == (start, end)).all(axis=1)
        within = (others[:, 1] <= end) & ~equal
        around = (others[:, 0] == start) & (others[:, 1] > end)
        over = (others[:, 0] > start) & (others[:, 1] > end)
        inside[i] |= around.any()
        across[i] |= over.any()
        same[i] |= equal.any()
        inside[i + 1 : stop] |= within
        across[i + 1 : stop] |= over
        same[i + 1 : stop] |= equal
    return len(ordered), int(inside.sum()), int(across.sum()), int(same.sum())


def notes_on_groups(split: str, groups: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Which component a split's groups of spans need."""
    notes = []
    for name, counts in groups.items():
        if not counts["spans"]:
            continue
        overlap = counts["nested"] or counts["crossing"] or counts["same_place"]
        advice = (
            "cloudner_spans learns them all (configs/spans.cfg), cloudner the longest that do not overlap"
            if overlap
            else "no span overlaps another, so cloudner is the better choice: it learns doc.ents, or these by gold_spans_key"
        )
        notes.append(
            f"{split}: of {counts['spans']:,} spans in doc.spans[{name!r}] {counts['nested']:,} lie inside another, "
            f"{counts['crossing']:,} cross one and {counts['same_place']:,} share their place; {advice}"
        )
    return notes


def note_on_dropped(split: str, lost: Mapping[str, int]) -> Iterable[str]:
    """The same for annotation files, where entities alone are kept. lost: annotations by cause. Nothing where more of them
    cut a token: those of a tokenizer that does not suit the texts collide."""
    overlap = sum(lost.get(cause, 0) for cause in DROPPED)
    if overlap > lost.get("misaligned", 0):
        yield (
            f"{split}: {overlap:,} annotations lie inside others or overlap them; cloudner_spans learns them "
            "(convert --spans sc, configs/spans.cfg), cloudner only the longest that do not overlap"
        )
