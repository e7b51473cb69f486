"""Tag schemes: entity spans as one tag per token, and which tags may follow which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cloudner.errors import ConfigError

MISSING = -1
OTHER = -2  # in an entity of a label that is not among the scheme's
POSITIONS = {"BIO": "BI", "BILUO": "BILU"}


@dataclass(frozen=True)
class TagScheme:
    """Tags of a list of labels: 0 is O, then for each label its positions in the order B, I (BIO) or B, I, L, U.

    A path is valid when it starts and ends where an entity may, and every I (and L) continues an entity of its
    own label.
    """

    labels: tuple[str, ...]
    name: str = "BIO"

    def __post_init__(self) -> None:
        if self.name not in POSITIONS:
            raise ConfigError(f"unknown tag scheme {self.name!r}", expected=" or ".join(POSITIONS))

    @property
    def width(self) -> int:
        return len(POSITIONS[self.name])

    @property
    def n_tags(self) -> int:
        return 1 + self.width * len(self.labels)

    @cached_property
    def tags(self) -> list[str]:
        return ["O"] + [f"{p}-{label}" for label in self.labels for p in POSITIONS[self.name]]

    # Tags of an entity by its label's index (an int or an array of them): of its first token, of one between, of its
    # last, and of its only one.

    def first(self, label: Any) -> Any:
        return 1 + label * self.width

    def between(self, label: Any) -> Any:
        return self.first(label) + 1

    def last(self, label: Any) -> Any:
        return self.first(label) + (2 if self.name == "BILUO" else 1)

    def only(self, label: Any) -> Any:
        return self.first(label) + (3 if self.name == "BILUO" else 0)

    @cached_property
    def label_of(self) -> np.ndarray:
        """(tags,) int64: index of the tag's label, -1 for O."""
        return np.concatenate([[-1], np.repeat(np.arange(len(self.labels)), self.width)])

    @cached_property
    def begins(self) -> np.ndarray:
        """(tags,) bool: does an entity begin with this tag (B, U)?"""
        return self._is("BU")

    @cached_property
    def inside(self) -> np.ndarray:
        """(tags,) bool: does this tag continue the entity before it (I, L)?"""
        return self._is("IL")

    @cached_property
    def open(self) -> np.ndarray:
        """(tags,) bool: must the entity go on after this tag (BILUO's B, I)?"""
        return self._is("BI") if self.name == "BILUO" else np.zeros(self.n_tags, dtype=bool)

    def _is(self, letters: str) -> np.ndarray:
        return np.array([False] + [p in letters for _ in self.labels for p in POSITIONS[self.name]])

    @cached_property
    def allowed(self) -> np.ndarray:
        """(tags, tags) bool: may the second tag follow the first?"""
        same = self.label_of[:, None] == self.label_of[None, :]
        goes_on = self.inside[None, :] & same & (self.label_of >= 0)[:, None]
        if self.name == "BILUO":
            return np.where(self.open[:, None], goes_on, ~self.inside[None, :])
        return ~self.inside[None, :] | goes_on

    @cached_property
    def may_start(self) -> np.ndarray:
        """(tags,) bool."""
        return ~self.inside

    @cached_property
    def may_end(self) -> np.ndarray:
        """(tags,) bool."""
        return ~self.open

    # -- spans to tags ----------------------------------------------------------------------------------------

    def encode(self, n_tokens: int, spans: Sequence[tuple[int, int, int]]) -> np.ndarray:
        """(n_tokens,) int64 tags of non-overlapping spans (start, end exclusive, label index)."""
        tags = np.zeros(n_tokens, dtype=np.int64)
        for start, end, label in spans:
            tags[start:end] = self.between(label)
            tags[end - 1] = self.last(label)
            tags[start] = self.only(label) if end - start == 1 else self.first(label)
        return tags

    # -- tags to spans ----------------------------------------------------------------------------------------

    def decode(self, tags: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """(spans, 3) int64 of start, end (exclusive), label index from valid paths.

        tags: (tokens,) of all sequences after one another; offsets: (sequences + 1,) their bounds. Starts and
        ends are indices into `tags`.
        """
        starts = np.flatnonzero(self.begins[tags])
        if not len(starts):
            return np.zeros((0, 3), dtype=np.int64)
        # An entity ends before the next token that does not continue it, or where its sequence ends.
        stops = np.flatnonzero(~self.inside[tags])
        stops = np.union1d(stops, offsets[1:])
        ends = stops[np.searchsorted(stops, starts, side="right")]
        return np.stack([starts, ends, self.label_of[tags[starts]]], axis=1)

    def invalid(self, tags: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """(sequences,) bool: is the sequence's path invalid?"""
        bad = np.zeros(len(tags) + 1, dtype=np.int64)
        if len(tags):
            follows = self.allowed[tags[:-1], tags[1:]]
            bad[1:-1] = ~follows
            lengths = np.diff(offsets)
            first, last = offsets[:-1][lengths > 0], offsets[1:][lengths > 0] - 1
            bad[first] = ~self.may_start[tags[first]]
            if self.name == "BILUO":
                ends_bad = np.zeros(len(tags) + 1, dtype=np.int64)
                ends_bad[last] = ~self.may_end[tags[last]]
                bad = bad + ends_bad
        sums = np.concatenate([[0], np.cumsum(bad[: len(tags)])])
        return (sums[offsets[1:]] - sums[offsets[:-1]]) > 0
