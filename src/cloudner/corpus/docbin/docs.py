"""Chunks to `Doc` objects, as spaCy reads them from a `.spacy` file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc
from spacy.vocab import Vocab

from cloudner.corpus.docbin.chunk import NO_GROUPS, Chunk, msgpack_loads


def chunk_groups(chunk: Chunk) -> Iterator[tuple[int, Any]]:
    """The number of each document that has groups of spans, and its `SpanGroups`; their labels are ids of strings."""
    vocab = Vocab()
    for number, packed in enumerate(chunk.groups):
        if packed not in (NO_GROUPS, b""):
            doc = Doc(vocab, words=["-"] * int(chunk.lengths[number]))
            doc.spans.from_bytes(packed)
            yield number, doc.spans


def chunk_docs(chunk: Chunk, vocab: Vocab) -> Iterator[Doc]:
    """The documents: entities (missing where nothing is known), sentence starts, span groups, and meta data under
    `user_data["meta"]`."""
    for string in chunk.strings:
        vocab.strings.add(string)
    table: Any = np.stack(
        [chunk.iob.astype(np.uint64), chunk.ent_type, chunk.sent_start.astype(np.int64).view(np.uint64)],
        axis=1,
    )
    for number, (start, end) in enumerate(zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)):
        words: Any = chunk.orth[start:end]  # Doc takes ids of strings as well as strings
        unknown = bool(chunk.unknown_spaces[number])
        doc = Doc(vocab, words=words, spaces=None if unknown else chunk.spaces[start:end].tolist())
        doc.from_array([ENT_IOB, ENT_TYPE, SENT_START], table[start:end])
        if chunk.groups[number] != NO_GROUPS:
            doc.spans.from_bytes(chunk.groups[number])
        packed = chunk.user_data[number]
        if packed is not None:
            doc.user_data.update(msgpack_loads(packed))
        yield doc
