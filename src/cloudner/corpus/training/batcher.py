"""Batches of documents of similar length, in random order.

No `from __future__ import annotations` here: spaCy checks a config's values by the annotations of the function.
"""

import random
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
from spacy.attrs import LENGTH
from spacy.training import Example

from cloudner.errors import ConfigError

# Without an encoder to ask: a word of four to five characters is about one piece to the usual vocabularies.
_CHARACTERS_A_PIECE = 4.5


class PieceCounter(Protocol):
    """Counts documents' word pieces for the encoder in training."""

    def count(self, examples: Sequence[Example]) -> np.ndarray:
        """(examples,) int64."""
        ...


# A batcher is created from the config and knows no pipeline, so whoever can count registers here; the last one that is
# still alive is asked.
_counters: list["weakref.ref[PieceCounter]"] = []


def register_counter(counter: PieceCounter) -> None:
    _counters[:] = [kept for kept in _counters if kept() not in (None, counter)]
    _counters.append(weakref.ref(counter))


def batch_by_pieces(
    batch_size: int = 16, max_pieces: int = 0, buffer_batches: int = 64
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """`cloudner.batch_by_pieces.v1`: batches of `batch_size` documents of similar length.

    max_pieces: also end a batch before its padded size in word pieces exceeds this; 0 for no such limit. A longer
        document is a batch of its own.
    buffer_batches: how many batches' worth of the shuffled stream is sorted at a time; each such buffer's batches
        come in random order. 0 sorts everything at once. A larger buffer pads less, a smaller one mixes more.

    Pieces are those of the encoder in training, else estimated from the tokens' lengths.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size = {batch_size}", expected="1 or more documents")
    if max_pieces < 0 or buffer_batches < 0:
        raise ConfigError("max_pieces and buffer_batches cannot be negative")

    def batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        stream = iter(examples)
        size = batch_size * buffer_batches or None
        while buffer := list(islice(stream, size)):
            lengths = count_pieces(buffer)
            order = np.argsort(lengths, kind="stable")
            batches = _cut(order, lengths, batch_size, max_pieces)
            random.shuffle(batches)
            for rows in batches:
                yield [buffer[i] for i in rows]

    return batches


def count_pieces(examples: Sequence[Example]) -> np.ndarray:
    """(examples,) int64 word pieces of the documents: counted where an encoder can be asked, else estimated."""
    for kept in reversed(_counters):
        counter = kept()
        if counter is not None:
            return counter.count(examples)
    return np.array([estimate_pieces(eg) for eg in examples], dtype=np.int64)


def estimate_pieces(eg: Example) -> int:
    """About how many word pieces the document has, from its tokens' lengths alone."""
    doc = eg.predicted
    if not len(doc):
        return 0
    return int(np.ceil(doc.to_array(LENGTH) / _CHARACTERS_A_PIECE).sum())


def _cut(order: np.ndarray, lengths: np.ndarray, batch_size: int, max_pieces: int) -> list[list[int]]:
    batches: list[list[int]] = []
    batch: list[int] = []
    for i in order.tolist():  # ascending, so the newest is the longest
        if batch and (
            len(batch) == batch_size or (max_pieces and (len(batch) + 1) * int(lengths[i]) > max_pieces)
        ):
            batches.append(batch)
            batch = []
        batch.append(i)
    if batch:
        batches.append(batch)
    return batches
