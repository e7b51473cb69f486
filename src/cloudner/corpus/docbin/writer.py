"""Chunks into `.spacy` files: what `DocBin(store_user_data=True)` writes, from arrays and without a Doc."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH, SENT_START
from spacy.tokens import DocBin

from cloudner.corpus.docbin.chunk import Chunk, msgpack_dumps

# A reader unpacks a whole file: 3 million tokens are 96 MB of arrays, held about four times while being written or
# read, which leaves a process under 1.5 GB room for a vocabulary of a million words (about 370 bytes each).
# DocBin's own end is 4 GiB (msgpack), at 134 million tokens.
SHARD_TOKENS = 3_000_000
SHARD_STRINGS = 2_000_000
# Level 1 is three times as fast as zlib's default 6 and costs about a tenth in size on arrays of ids.
_ZLIB_LEVEL = 1


def pack(chunks: list[Chunk]) -> bytes:
    """The content of a `.spacy` file that holds the chunks' documents."""
    frame = DocBin(attrs=[ORTH, ENT_IOB, ENT_TYPE, SENT_START], store_user_data=True)
    total = sum(len(chunk.orth) for chunk in chunks)
    tokens = np.empty((total, len(frame.attrs)), dtype=np.uint64)
    columns = {ORTH: "orth", ENT_IOB: "iob", ENT_TYPE: "ent_type", SENT_START: "sent_start"}
    at = 0
    for chunk in chunks:
        size = len(chunk.orth)
        for column, attr in enumerate(frame.attrs):
            values = getattr(chunk, columns[attr])
            # -1 (inside a sentence) is stored as the unsigned 64-bit number with the same bits
            tokens[at : at + size, column] = (
                values.astype(np.int64).view(np.uint64) if values.dtype == np.int8 else values
            )
        at += size
    strings: set[str] = set()
    for chunk in chunks:
        strings.update(chunk.strings)
    known, unknown = {"has_unknown_spaces": False}, {"has_unknown_spaces": True}
    docs = sum(len(chunk) for chunk in chunks)
    message: dict[str, Any] = {
        "version": frame.version,
        "attrs": frame.attrs,
        "tokens": tokens.data.cast("B") if total else b"",
        "spaces": b"".join(chunk.spaces.tobytes() for chunk in chunks),
        "lengths": b"".join(chunk.lengths.astype(np.int32).tobytes() for chunk in chunks),
        "strings": sorted(strings),
        "cats": [{}] * docs,
        "flags": [unknown if flag else known for chunk in chunks for flag in chunk.unknown_spaces.tolist()],
        "span_groups": [group for chunk in chunks for group in chunk.groups],
        "user_data": [data for chunk in chunks for data in chunk.user_data],
    }
    packed = msgpack_dumps(message)
    del tokens, message
    return zlib.compress(packed, _ZLIB_LEVEL)


class DocBinWriter:
    """Collects chunks and writes `path`: one `.spacy` file, or a folder of that name with shards when too large.

    A folder `train.spacy/` with `00000.spacy`, `00001.spacy`, ... is read by spaCy's own corpus reader like a file.
    Shards are written as they fill, so at most one is in memory. Nothing appears at `path` until the caller moves
    `temporary` there.
    """

    def __init__(self, temporary: Path, *, shard_tokens: int = SHARD_TOKENS) -> None:
        self.temporary, self.shard_tokens = temporary, shard_tokens
        self.docs = 0
        self._chunks: list[Chunk] = []
        self._tokens = self._strings = self._shards = 0

    def add(self, chunk: Chunk) -> None:
        if not len(chunk):
            return
        size = len(chunk.orth)
        full = self._tokens + size > self.shard_tokens or self._strings + len(chunk.strings) > SHARD_STRINGS
        if self._chunks and full:
            self._write_shard()
        self._chunks.append(chunk)
        self._tokens += size
        self._strings += len(chunk.strings)
        self.docs += len(chunk)

    def _write_shard(self) -> None:
        self.temporary.mkdir(parents=True, exist_ok=True)
        (self.temporary / f"{self._shards:05d}.spacy").write_bytes(pack(self._chunks))
        self._shards += 1
        self._chunks, self._tokens, self._strings = [], 0, 0

    def close(self) -> None:
        """Writes what is left; `temporary` is then a file, or a folder where there are several shards."""
        if self._shards:
            if self._chunks:
                self._write_shard()
        else:
            self.temporary.write_bytes(pack(self._chunks))
            self._chunks = []
