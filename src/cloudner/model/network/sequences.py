"""From documents' pieces to the arrays of a micro-batch: on the host, without a loop over tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from cloudner.model.network.batch import Sequences
from cloudner.model.precision import cpu_has_bf16
from cloudner.pieces.tokenizer import Pieces
from cloudner.pieces.windows import Windows
from cloudner.pieces.words import ragged_indices


class Prepared:
    """The sequences of a list of documents as host arrays."""

    def __init__(self, pieces: list[Pieces], windows: Callable[[Sequence[Pieces]], Windows]) -> None:
        self.w = windows(pieces)
        self.ids = np.concatenate([p.ids for p in pieces]) if pieces else np.zeros(0, np.int32)
        counts = np.concatenate([p.counts for p in pieces]) if pieces else np.zeros(0, np.int32)
        cases = np.concatenate([p.cases for p in pieces]) if pieces else np.zeros(0, np.int8)
        piece_start = np.cumsum([0, *(len(p.ids) for p in pieces)])
        token_start = np.cumsum([0, *(len(p.counts) for p in pieces)])
        solid = counts > 0
        self.counts = counts[solid].astype(np.int64)
        self.first_piece = (np.cumsum(counts, dtype=np.int64) - counts)[solid]
        self.piece_cases = np.repeat(cases, counts)
        solid_before = np.concatenate([[0], np.cumsum(solid)])
        self.offsets = solid_before[token_start]
        self.begin = piece_start[self.w.doc] + self.w.first
        self.lengths = self.w.lengths + 2
        # The range of non-space tokens that each sequence predicts; the ranges of a document are adjacent.
        self.row_first = solid_before[token_start[self.w.doc] + self.w.token_first]
        self.row_last = solid_before[token_start[self.w.doc] + self.w.token_last]
        self.sizes = self.row_last - self.row_first
        self.row_bounds = np.append(self.row_first, self.row_last[-1:] if len(self.w) else [0])

    def sequences(
        self,
        rows: np.ndarray,
        special: dict[str, int],
        device: torch.device,
        *,
        most: int,
        counts: bool,
        cases: bool,
    ) -> tuple[Sequences, np.ndarray]:
        """The micro-batch of these sequences, and which of all tokens its scores belong to. most: the longest sequence
        that the encoder reads."""
        lengths = self.lengths[rows]
        longest = padded_length(int(lengths.max()), most, device)
        n = len(rows)
        inner = lengths - 2
        where = ragged_indices(np.arange(n) * longest + 1, inner)
        source = ragged_indices(self.begin[rows], inner)
        ids = np.full(n * longest, special["pad"], dtype=np.int64)
        ids[where] = self.ids[source]
        starts = np.arange(n) * longest
        ids[starts] = special["cls"]
        ids[starts + lengths - 1] = special["sep"]
        tokens = ragged_indices(self.row_first[rows], self.sizes[rows])
        sequence = np.repeat(np.arange(n), self.sizes[rows])
        first = self.first_piece[tokens] - self.begin[rows][sequence] + sequence * longest + 1
        batch = Sequences(
            ids=to_device(ids.reshape(n, longest), device),
            lengths=None if int(lengths.min()) == longest else to_device(lengths, device),
            token_first=to_device(first, device),
        )
        if counts:
            # A token's pieces end with its window: one cut by it is seen as far as it goes.
            room = (self.begin + self.lengths - 2)[rows][sequence] - self.first_piece[tokens]
            pieces = np.minimum(self.counts[tokens], room)
            batch.token_count, batch.n_pieces = to_device(pieces, device), int(pieces.sum())
        if cases:
            table = np.zeros(n * longest, dtype=np.int64)
            table[where] = self.piece_cases[source]
            batch.cases = to_device(table.reshape(n, longest), device)
        return batch, tokens

    def fill(self, given: np.ndarray, rows: np.ndarray, tags: np.ndarray, special: dict[str, int]) -> None:
        """Write these sequences into (4, at least as many sequences, length) int32: ids, the tag of each token at its first
        piece, case classes, and 1 where there is a piece. tags: (tokens,) of all documents."""
        length = given.shape[2]
        lengths, begin = self.lengths[rows], self.begin[rows]
        starts = np.arange(len(rows)) * length
        where = ragged_indices(starts + 1, lengths - 2)
        source = ragged_indices(begin, lengths - 2)
        ids, of_tags, cases, real = given.reshape(4, -1)
        ids[where] = self.ids[source]
        ids[starts] = special["cls"]
        ids[starts + lengths - 1] = special["sep"]
        cases[where] = self.piece_cases[source]
        real[ragged_indices(starts, lengths)] = 1
        tokens = ragged_indices(self.row_first[rows], self.sizes[rows])
        sequence = np.repeat(np.arange(len(rows)), self.sizes[rows])
        of_tags[self.first_piece[tokens] - begin[sequence] + starts[sequence] + 1] = tags[tokens]


def padded_length(longest: int, most: int, device: torch.device) -> int:
    """Length of a micro-batch's rows. On CPUs oneDNN generates code for each shape of a bf16 product, three dozen times a
    step, and keeps 1,024 of them: with lengths in fours they come back before they are dropped. On GPUs attention
    wants masks whose rows begin at multiples of eight, and fewer shapes are fewer plans and graphs."""
    if device.type == "cuda":
        step = 8
    elif cpu_has_bf16():
        step = 4
    else:
        return longest
    return max(longest, min(-(-longest // step) * step, most))


def to_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
