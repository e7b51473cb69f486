"""Many aligned documents as a few arrays: what travels between processes and into a `.spacy` file."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from srsly import msgpack

from cloudner.corpus.issues import ConversionIssue

# Token.ent_iob as spaCy stores it
MISSING, INSIDE, OUTSIDE, BEGIN = 0, 1, 2, 3


# srsly.msgpack_dumps asks for installed encoders at every call, which costs half a millisecond; once is enough.
_packer = msgpack.Packer(use_bin_type=True)


def msgpack_dumps(value: Any) -> bytes:
    return bytes(_packer.pack(value))


def msgpack_loads(raw: bytes) -> Any:
    return msgpack.unpackb(raw, raw=False, object_pairs_hook=dict)


@dataclass(slots=True)
class Chunk:
    """Aligned documents, their tokens one after the other.

    orth, ent_type: uint64 (tokens,), string ids. iob, sent_start: int8 (tokens,). spaces: bool (tokens,).
    lengths: int32 (documents,), tokens a document. unknown_spaces: bool (documents,).
    strings: every string whose id occurs. groups: bytes a document (`SpanGroups`). user_data: msgpack a
    document, or None without any.
    places: (file, line) a document. groups_by: the value documents must stay together by, or None.
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

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """int64 (documents + 1,): where each document's tokens begin."""
        return np.concatenate(([0], np.cumsum(self.lengths, dtype=np.int64)))

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
        docs = np.searchsorted(self.bounds, where, side="right") - 1
        return docs, self.ent_type[where]

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

    def pack(self) -> dict[str, Any]:
        """The same as plain data for msgpack; `unpack` is the way back. Issues are left out."""
        return {
            "arrays": [
                getattr(self, name).tobytes()
                for name in ("orth", "spaces", "iob", "ent_type", "sent_start", "lengths", "unknown_spaces")
            ],
            "strings": sorted(self.strings),
            "groups": self.groups,
            "user_data": self.user_data,
        }

    @classmethod
    def unpack(cls, data: dict[str, Any]) -> Chunk:
        kinds = (np.uint64, np.bool_, np.int8, np.uint64, np.int8, np.int32, np.bool_)
        arrays: list[Any] = [
            np.frombuffer(raw, dtype=kind) for raw, kind in zip(data["arrays"], kinds, strict=True)
        ]
        docs = len(arrays[5])
        return cls(
            *arrays,  # type: ignore[call-arg]
            set(data["strings"]),
            list(data["groups"]),
            list(data["user_data"]),
            [("", 0)] * docs,
            [None] * docs,
        )
