"""Entities by what they say: labels of one string, strings that training never saw, and likely annotation errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudner.corpus.docbin.chunk import OUTSIDE, Chunk
from cloudner.corpus.inspection.duplicates import mix

# A string says something about its occurrences from this many annotated ones on.
MIN_SEEN = 5
# A label of at most this share of a string's occurrences is a rare one; likewise occurrences without annotation.
RARE_SHARE = 0.2
# The longest string, in tokens, that is looked for where it is not annotated.
MAX_WORDS = 8
EXAMPLES = 3
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Place = tuple[int, int, int, int]  # chunk, document in it, first token, end


@dataclass
class Suspect:
    """Occurrences of a string that differ from what it usually is.

    kind: "rare-label" (annotated with `label`, while `usual` is its label elsewhere) or "not-annotated".
    count: such occurrences. usual_count: the usual ones. places: the first few.
    """

    kind: str
    surface: str
    label: str
    usual: str
    count: int
    usual_count: int
    places: list[Place] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of these among all occurrences."""
        return self.count / (self.count + self.usual_count)


class Surfaces:
    """Counts of (string, label) in every split; a string is a sequence of words, however they are spaced."""

    def __init__(self) -> None:
        # split -> (string's key, label id) -> mentions
        self.counts: defaultdict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
        self.texts: dict[int, str] = {}
        self.labels: dict[int, str] = {}
        self._sizes: dict[int, int] = {}

    def add(self, split: int, chunk: Chunk) -> None:
        starts, ends, kinds = chunk.entities()
        if not len(starts):
            return
        keys = surface_keys(chunk, starts, ends)
        pairs = mix(keys + kinds * _MULTIPLIER)
        _, first, counts = np.unique(pairs, return_index=True, return_counts=True)
        tally = self.counts[split]
        for i, count in zip(first.tolist(), counts.tolist(), strict=True):
            key, kind = int(keys[i]), int(kinds[i])
            tally[key, kind] += count
            if key not in self.texts:
                self.texts[key] = chunk.surface(int(starts[i]), int(ends[i]))
                self._sizes[key] = int(ends[i] - starts[i])
            if kind not in self.labels:
                self.labels[kind] = chunk.string(kind)

    def by_surface(self) -> dict[int, Counter[int]]:
        """Label counts of each string over all splits."""
        total: dict[int, Counter[int]] = defaultdict(Counter)
        for tally in self.counts.values():
            for (key, kind), count in tally.items():
                total[key][kind] += count
        return total

    def unseen(self, split: int, train: int) -> tuple[Counter[str], Counter[str]]:
        """Mentions by label in `split`, and those of them whose string is annotated nowhere in `train`."""
        known = {key for key, _ in self.counts[train]}
        every: Counter[str] = Counter()
        new: Counter[str] = Counter()
        for (key, kind), count in self.counts[split].items():
            every[self.labels[kind]] += count
            if key not in known:
                new[self.labels[kind]] += count
        return every, new

    def conflicts(self) -> list[tuple[str, list[tuple[str, int]]]]:
        """Strings with more than one label, each with its labels' counts, the most mentions beside the usual first."""
        found = [
            (self.texts[key], [(self.labels[kind], n) for kind, n in labels.most_common()])
            for key, labels in self.by_surface().items()
            if len(labels) > 1
        ]
        return sorted(found, key=lambda item: (-sum(n for _, n in item[1][1:]), item[0]))


class SuspectSearch:
    """The second look at a corpus: where are strings that are usually annotated, and labels that are rare?"""

    def __init__(self, surfaces: Surfaces) -> None:
        self.surfaces = surfaces
        self.labels = surfaces.by_surface()
        self._rare: dict[tuple[int, int], list[Place]] = {}
        known: dict[int, list[int]] = defaultdict(list)
        for key, labels in self.labels.items():
            total = labels.total()
            if total < MIN_SEEN:
                continue
            usual = labels.most_common(1)[0][0]
            for kind, count in labels.items():
                if kind != usual and count <= RARE_SHARE * total:
                    self._rare[key, kind] = []
            if surfaces._sizes[key] <= MAX_WORDS and any(c.isalnum() for c in surfaces.texts[key]):
                known[surfaces._sizes[key]].append(key)
        self._known = {
            size: np.array(sorted(keys), dtype=np.uint64)
            for size, keys in sorted(known.items(), reverse=True)
        }
        self._missed: Counter[int] = Counter()
        self._missed_places: dict[int, list[Place]] = defaultdict(list)

    def look(self, number: int, chunk: Chunk) -> None:
        """Chunk number `number`."""
        if self._rare:
            self._look_for_labels(number, chunk)
        if self._known:
            for key, start, end in self._unmarked(chunk):
                self._missed[key] += 1
                places = self._missed_places[key]
                if len(places) < EXAMPLES:
                    places.append(_place(number, chunk, start, end))

    def _look_for_labels(self, number: int, chunk: Chunk) -> None:
        starts, ends, kinds = chunk.entities()
        if not len(starts):
            return
        keys = surface_keys(chunk, starts, ends)
        wanted = np.array([key for key, _ in self._rare], dtype=np.uint64)
        # kind: numpy before 2.1 raises OverflowError for hashes of 64 bits when it chooses by itself
        for i in np.flatnonzero(np.isin(keys, wanted, kind="sort")).tolist():
            places = self._rare.get((int(keys[i]), int(kinds[i])))
            if places is not None and len(places) < EXAMPLES:
                places.append(_place(number, chunk, int(starts[i]), int(ends[i])))

    def _unmarked(self, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
        """Key, first token and end of each known string that stands where nothing is annotated, the longest first."""
        outside = chunk.iob == OUTSIDE
        size = len(outside)
        here = np.arange(size)
        words = mix(chunk.orth)
        hashes = {1: _start(words)}
        for length in range(2, max(self._known) + 1):
            shorter = hashes[length - 1]
            hashes[length] = (
                shorter[: size - length + 1] * _MULTIPLIER + words[length - 1 :]
                if size >= length
                else shorter[:0]
            )
        doc_starts = chunk.starts
        for length, known in self._known.items():
            stops = np.append(np.union1d(np.flatnonzero(~outside), doc_starts), size)
            # Where the unannotated text after each token ends: at the next annotated token or the next document,
            # whichever comes first; a document's own first token does not end it.
            reach = stops[np.searchsorted(stops, here, side="right")]
            free = np.flatnonzero(outside & (reach - here >= length))
            if not len(free):
                continue
            found = hashes[length][free]
            place = np.minimum(np.searchsorted(known, found), len(known) - 1)
            free = free[known[place] == found]
            last = -1
            for start in free.tolist():
                if start >= last:  # not over one just found
                    last = start + length
                    outside[start:last] = False
                    yield int(hashes[length][start]), start, last

    def suspects(self) -> list[Suspect]:
        """What was found, the most likely errors first: the rarer and the surer the usual annotation, the earlier."""
        found = []
        for (key, kind), places in self._rare.items():
            labels = self.labels[key]
            usual, count = labels.most_common(1)[0]
            names = self.surfaces.labels
            found.append(
                Suspect(
                    "rare-label",
                    self.surfaces.texts[key],
                    names[kind],
                    names[usual],
                    labels[kind],
                    count,
                    places,
                )
            )
        for key, missed in self._missed.items():
            labels = self.labels[key]
            if missed <= RARE_SHARE * (missed + labels.total()):
                common = self.surfaces.labels[labels.most_common(1)[0][0]]
                found.append(
                    Suspect(
                        "not-annotated", self.surfaces.texts[key], "", common, missed, labels.total(),
                        self._missed_places[key],
                    )
                )  # fmt: skip
        return sorted(found, key=lambda s: (s.share, -s.usual_count, s.surface, s.label))


def surface_keys(chunk: Chunk, starts: Any, ends: Any) -> NDArray[np.uint64]:
    """uint64 (entities,): a key of each entity's words in their order."""
    words = mix(chunk.orth)
    keys = _start(words[starts])
    sizes = ends - starts
    for step in range(1, int(sizes.max(initial=1))):
        more = np.flatnonzero(sizes > step)
        keys[more] = keys[more] * _MULTIPLIER + words[starts[more] + step]
    return keys


def _start(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return words + _MULTIPLIER


def _place(number: int, chunk: Chunk, start: int, end: int) -> Place:
    return number, int(chunk.doc_of(np.array([start]))[0]), start, end
