"""Many aligned documents as a few arrays: what travels between processes and into a `.spacy` file."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.strings import StringStore
from srsly import msgpack

from cloudner.corpus.issues import ConversionIssue

# Token.ent_iob as spaCy stores it
MISSING, INSIDE, OUTSIDE, BEGIN = 0, 1, 2, 3
_ARRAYS = {
    "orth": np.uint64,
    "spaces": np.bool_,
    "iob": np.int8,
    "ent_type": np.uint64,
    "sent_start": np.int8,
    "lengths": np.int32,
    "unknown_spaces": np.bool_,
}

# srsly.msgpack_dumps asks for installed encoders at every call, which costs half a millisecond; once is enough.
_packer = msgpack.Packer(use_bin_type=True)


def msgpack_dumps(value: Any) -> bytes:
    return bytes(_packer.pack(value))


NO_GROUPS = msgpack_dumps([])  # what `SpanGroups.to_bytes` makes of none


def msgpack_loads(raw: bytes) -> Any:
    return msgpack.unpackb(raw, raw=False, object_pairs_hook=dict)


@dataclass(slots=True)
class Chunk:
    """Aligned documents, their tokens one after the other.

    orth, ent_type: uint64 (tokens,), string ids. iob, sent_start: int8 (tokens,). spaces: bool (tokens,).
    lengths: int32 (documents,), tokens per document. unknown_spaces: bool (documents,).
    strings: every string whose id occurs. groups: bytes per document (`SpanGroups`). user_data: msgpack per document,
    or None without any.
    places: (file, line) per document; in a `.spacy` file the line is the document's number, from 1. group_keys: the
    value documents must stay together by, or None.
    """

    orth: NDArray[np.uint64]
    spaces: NDArray[np.bool_]
    iob: NDArray[np.int8]
    ent_type: NDArray[np.uint64]
    sent_start: NDArray[np.int8]
    lengths: NDArray[np.int32]
    unknown_spaces: NDArray[np.bool_]
    strings: set[str]
    groups: list[bytes]
    user_data: list[bytes | None]
    places: list[tuple[str, int]]
    group_keys: list[str | None]
    issues: list[ConversionIssue] = field(default_factory=list)
    _store: StringStore | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """int64 (documents + 1,): where each document's tokens begin."""
        return np.concatenate(([0], np.cumsum(self.lengths, dtype=np.int64)))

    @property
    def starts(self) -> NDArray[np.int64]:
        """int64 (documents,): the first token of each."""
        return self.bounds[:-1]

    @property
    def ends(self) -> NDArray[np.int64]:
        """int64 (documents,): the end (exclusive) of each."""
        return self.bounds[1:]

    def doc_of(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 (tokens,): which document each token is in."""
        return np.searchsorted(self.ends, tokens, side="right")

    def entities(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """First token, end (exclusive) and label id of each entity."""
        starts = np.flatnonzero((self.iob == BEGIN) & (self.ent_type != 0))
        stops = np.append(np.flatnonzero(self.iob != INSIDE), len(self.iob))
        ends = stops[np.searchsorted(stops, starts, side="right")]
        return starts, np.minimum(ends, self.ends[self.doc_of(starts)]), self.ent_type[starts]

    def string(self, key: int) -> str:
        """The string of an id."""
        if self._store is None:
            self._store = StringStore(sorted(self.strings))
        return str(self._store[key])

    def text(self, first: int, last: int) -> str:
        """The text of tokens first to last (exclusive)."""
        words = map(self.string, self.orth[first:last].tolist())
        spaces = self.spaces[first:last].tolist()
        return "".join(word + " " * space for word, space in zip(words, spaces, strict=True)).strip()

    def surface(self, first: int, last: int) -> str:
        """The same with exactly one space wherever there is white space between tokens."""
        return " ".join(self.text(first, last).split())

    def text_keys(self) -> list[int]:
        """A 64-bit key of each document's words; equal words give equal keys in every process."""
        raw, bounds = self.orth.tobytes(), (self.bounds * 8).tolist()
        return [
            int.from_bytes(hashlib.blake2b(raw[a:b], digest_size=8).digest(), "little")
            for a, b in itertools.pairwise(bounds)
        ]

    def annotation_keys(self) -> list[int]:
        """A 32-bit key of each document's entities."""
        marks = (self.ent_type * np.uint64(4)) ^ self.iob.astype(np.uint64)
        raw, bounds = marks.tobytes(), (self.bounds * 8).tolist()
        return [
            int.from_bytes(hashlib.blake2b(raw[a:b], digest_size=4).digest(), "little")
            for a, b in itertools.pairwise(bounds)
        ]

    def entity_types(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """For each entity, the index of its document and its label's id."""
        where = np.flatnonzero(self.iob == BEGIN)
        return self.doc_of(where), self.ent_type[where]

    def select(self, docs: list[int]) -> Chunk:
        """Only the documents at these positions, in this order. The strings and issues stay whole."""
        bounds = self.bounds
        picks = [np.arange(bounds[i], bounds[i + 1]) for i in docs]
        tokens = np.concatenate(picks) if picks else np.zeros(0, dtype=np.int64)
        return Chunk(
            self.orth[tokens],
            self.spaces[tokens],
            self.iob[tokens],
            self.ent_type[tokens],
            self.sent_start[tokens],
            self.lengths[docs],
            self.unknown_spaces[docs],
            self.strings,
            [self.groups[i] for i in docs],
            [self.user_data[i] for i in docs],
            [self.places[i] for i in docs],
            [self.group_keys[i] for i in docs],
            self.issues,
        )

    @classmethod
    def joined(cls, chunks: Sequence[Chunk]) -> Chunk:
        """The documents of all of them, in their order."""
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(c, name) for c in chunks]) for name in _ARRAYS
        }
        lists: dict[str, Any] = {
            name: [item for c in chunks for item in getattr(c, name)]
            for name in ("groups", "user_data", "places", "group_keys", "issues")
        }
        return cls(**arrays, strings=set().union(*(c.strings for c in chunks)), **lists)

    def pack(self) -> dict[str, Any]:
        """The same as plain data for msgpack; `unpack` is the way back. Issues and group keys are left out."""
        files = {file: number for number, file in enumerate(sorted({file for file, _ in self.places}))}
        return {
            "arrays": [getattr(self, name).tobytes() for name in _ARRAYS],
            "strings": sorted(self.strings),
            "groups": self.groups,
            "user_data": self.user_data,
            "files": list(files),
            "file_of": [files[file] for file, _ in self.places],
            "lines": [line for _, line in self.places],
        }

    @classmethod
    def unpack(cls, data: dict[str, Any]) -> Chunk:
        arrays: dict[str, Any] = {
            name: np.frombuffer(raw, dtype=kind)
            for (name, kind), raw in zip(_ARRAYS.items(), data["arrays"], strict=True)
        }
        files = data["files"]
        return cls(
            **arrays,
            strings=set(data["strings"]),
            groups=list(data["groups"]),
            user_data=list(data["user_data"]),
            places=[(files[file], line) for file, line in zip(data["file_of"], data["lines"], strict=True)],
            group_keys=[None] * len(data["lines"]),
        )
