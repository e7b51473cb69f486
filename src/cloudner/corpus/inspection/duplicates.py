"""Texts that occur twice: the same, the same but for case, digits and punctuation, or nearly the same.

Each document leaves 140 bytes: three 64-bit keys and a MinHash signature (Broder 1997) of its word pairs. The share of
equal numbers in two signatures estimates the Jaccard similarity of the sets of pairs, with a standard error of
sqrt(s (1 - s) / 30), 0.08 at s = 0.7. Pairs to compare are found by bands of three numbers: documents of similarity 0.7
meet in at least one of ten bands with probability 0.98, those of similarity 0.3 with 0.24.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id

from cloudner.corpus.docbin.chunk import Chunk

BANDS, ROWS = 10, 3
NEAR = 0.7
# Below so many words (punctuation apart) a signature says little; such texts count only when they are the same.
MIN_WORDS = 8
_CACHE_WORDS = 500_000
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 divided by the golden ratio
_FACTORS = np.random.default_rng(7).integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)


@dataclass(frozen=True)
class Copy:
    """A document that has its like: `doc` and `other` are numbers over all documents read. kind: "identical",
    "normalised" (but for case, digits, punctuation and white space) or "near" with `similarity` of 0.7 or more."""

    doc: int
    other: int
    kind: str
    similarity: float


class TextKeys:
    """Keys of every document of a corpus, and what they have in common."""

    def __init__(self) -> None:
        self._normal: dict[int, int] = {}
        self._exact: list[Any] = []
        self._same: list[Any] = []
        self._marks: list[Any] = []
        self._signatures: list[Any] = []
        self._long: list[Any] = []
        self._split: list[Any] = []

    def add(self, split: int, chunk: Chunk) -> None:
        normal = self._normalised(chunk)
        lengths = np.add.reduceat((normal != 0).astype(np.int64), chunk.starts)
        words = normal[normal != 0]
        exact = _fold(chunk.orth, chunk.lengths)
        self._exact.append(exact)
        self._same.append(np.where(lengths > 0, _fold(words, lengths), exact))
        self._marks.append(_fold(chunk.ent_type * np.uint64(4) + chunk.iob.astype(np.uint64), chunk.lengths))
        self._signatures.append(_signatures(words, lengths))
        self._long.append(lengths >= MIN_WORDS)
        self._split.append(np.full(len(chunk), split, dtype=np.int16))

    def _normalised(self, chunk: Chunk) -> NDArray[np.uint64]:
        """uint64 (tokens,): the id of each word in lower case with 0 for digits; 0 for punctuation and spaces."""
        unique, inverse = np.unique(chunk.orth, return_inverse=True)
        if len(self._normal) > _CACHE_WORDS:
            self._normal.clear()
        ids = []
        for key in unique.tolist():
            known = self._normal.get(key)
            if known is None:
                word = chunk.string(key).casefold()
                if not any(c.isalnum() for c in word):
                    known = 0
                else:
                    known = get_string_id("".join("0" if c.isdigit() else c for c in word))
                self._normal[key] = known
            ids.append(known)
        return np.array(ids, dtype=np.uint64)[inverse.reshape(-1)]

    def finish(self) -> None:
        self.exact, self.same = np.concatenate(self._exact), np.concatenate(self._same)
        self.marks, self.split = np.concatenate(self._marks), np.concatenate(self._split)
        self.signatures, self.long = np.concatenate(self._signatures), np.concatenate(self._long)
        del self._exact, self._same, self._marks, self._signatures, self._long, self._split

    def copies(self, split: int, other: int) -> list[Copy]:
        """The documents of `split` that have their like in `other`, each with the nearest one found, the most like
        first. With `split == other`: those with their like among the ones before them."""
        here, there = np.flatnonzero(self.split == split), np.flatnonzero(self.split == other)
        best: dict[int, Copy] = {}
        for kind, keys in (("identical", self.exact), ("normalised", self.same)):
            for doc, match in _first_equal(keys, here, there):
                best.setdefault(doc, Copy(doc, match, kind, 1.0))
        here, there = here[self.long[here]], there[self.long[there]]
        for band in range(BANDS):
            keys = _fold_columns(self.signatures[:, band * ROWS : (band + 1) * ROWS])
            pairs = [
                pair
                for pair in _first_equal(keys, here, there)
                if pair[0] not in best or best[pair[0]].kind == "near"
            ]
            if not pairs:
                continue
            table = np.array(pairs)
            likeness = (self.signatures[table[:, 0]] == self.signatures[table[:, 1]]).mean(axis=1)
            for (doc, match), value in zip(pairs, likeness.tolist(), strict=True):
                if value >= NEAR and (doc not in best or value > best[doc].similarity):
                    best[doc] = Copy(doc, match, "near", value)
        ranks = {"identical": 0, "normalised": 1, "near": 2}
        return sorted(best.values(), key=lambda copy: (ranks[copy.kind], -copy.similarity, copy.doc))

    def conflicts(self) -> list[tuple[int, int]]:
        """Documents with the words of an earlier one and other entities, each with that earlier one."""
        every = np.arange(len(self.exact))
        return [
            (doc, other)
            for doc, other in _first_equal(self.exact, every, every)
            if self.marks[doc] != self.marks[other]
        ]


def _first_equal(keys: NDArray[np.uint64], here: Any, there: Any) -> list[tuple[int, int]]:
    """Pairs of a row of `here` and the first row of `there` with the same key (an earlier one, if they are one)."""
    if not len(here) or not len(there):
        return []
    values, first = np.unique(keys[there], return_index=True)  # the first, as `there` ascends
    place = np.minimum(np.searchsorted(values, keys[here]), len(values) - 1)
    other = there[first[place]]
    hit = (values[place] == keys[here]) & (other != here)
    return list(zip(here[hit].tolist(), other[hit].tolist(), strict=True))


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambled bits (the finaliser of splitmix64, Steele, Lea & Flood 2014), for sums and products to spread."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _fold(values: NDArray[np.uint64], lengths: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    """uint64 (documents,): a key of each document's values in their order; 0 for a document without any."""
    keys = np.zeros(len(lengths), dtype=np.uint64)
    full = lengths > 0
    if not full.any():
        return keys
    sizes = lengths[full]
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(values)) - np.repeat(starts, sizes)
    powers = np.full(int(sizes.max()), _MULTIPLIER, dtype=np.uint64)
    keys[full] = np.add.reduceat(mix(values) * np.cumprod(powers)[place], starts)
    return mix(keys + lengths.astype(np.uint64))


def _fold_columns(table: NDArray[np.uint32]) -> NDArray[np.uint64]:
    keys = np.zeros(len(table), dtype=np.uint64)
    for column in table.T:
        keys = mix(keys * _MULTIPLIER + column.astype(np.uint64) + np.uint64(1))
    return keys


def _signatures(words: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.uint32]:
    """uint32 (documents, 30): the smallest of 30 hashes over each document's pairs of neighbouring words."""
    signatures = np.zeros((len(lengths), BANDS * ROWS), dtype=np.uint32)
    long = lengths >= MIN_WORDS
    if not long.any():
        return signatures
    pairs = mix(words[:-1] * _MULTIPLIER + words[1:])
    starts = np.cumsum(lengths) - lengths
    # A document's pairs, and the one over its end left out: its last word begins no pair of its own.
    inside = np.repeat(long, lengths)
    inside[(starts + lengths - 1)[lengths > 0]] = False
    pairs = pairs[inside[:-1]]
    sizes = lengths[long] - 1
    first = np.cumsum(sizes) - sizes
    for column, factor in enumerate(_FACTORS):
        signatures[long, column] = np.minimum.reduceat((pairs * factor) >> np.uint64(32), first).astype(
            np.uint32
        )
    return signatures
