"""Documents of any length as sequences the encoder can take."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.attrs import SENT_START
from spacy.tokens import Doc

from cloudner.pieces.tokenizer import Pieces

logger = logging.getLogger("cloudner")

UNITS = ("document", "sentence")


@dataclass(frozen=True, slots=True)
class Windows:
    """The sequences of a list of documents; all arrays are (sequences,) int64.

    doc: which document. first, last: the half-open range of its pieces that the encoder reads.
    token_first, token_last: the half-open range of its tokens that this sequence predicts. Ranges of one
    document are adjacent, without gap or overlap: what is read beyond them is context.
    """

    doc: np.ndarray
    first: np.ndarray
    last: np.ndarray
    token_first: np.ndarray
    token_last: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return self.last - self.first

    def __len__(self) -> int:
        return len(self.doc)


def make_windows(
    pieces: Sequence[Pieces], capacity: int, context: int, sentences: np.ndarray | None = None
) -> Windows:
    """Cut documents longer than `capacity` pieces into windows of at most `capacity`, each with up to `context`
    pieces of what lies before and after it. Cuts fall between tokens. Documents without pieces have no sequence.

    sentences: (tokens,) bool over all documents, `sentence_starts`: then each sentence is a window of its own with
    `context` pieces of its document on either side, as in FLERT (Schweter and Akbik, 2020, "FLERT: Document-Level
    Features for Named Entity Recognition"); less where `capacity` has no room for it. Longer sentences are cut.
    """
    if sentences is not None:
        return _by_sentence(pieces, capacity, context, sentences)
    sizes = np.fromiter((len(p.ids) for p in pieces), dtype=np.int64, count=len(pieces))
    tokens = np.fromiter((len(p.counts) for p in pieces), dtype=np.int64, count=len(pieces))
    short = np.flatnonzero((sizes > 0) & (sizes <= capacity))
    columns = [np.stack([short, np.zeros_like(short), sizes[short], np.zeros_like(short), tokens[short]])]
    for doc in np.flatnonzero(sizes > capacity).tolist():
        columns.append(_cut(doc, pieces[doc].counts, capacity, context, 0, int(tokens[doc])))
    return _in_order(columns)


def sentence_starts(docs: Sequence[Doc]) -> np.ndarray:
    """(tokens,) bool over all documents: does a sentence begin here? Documents that no component has split, and
    white space before the first word, begin none."""
    if not docs:
        return np.zeros(0, dtype=bool)
    return np.concatenate([doc.to_array(SENT_START) for doc in docs]) == 1


def tell_without_sentences(docs: Sequence[Doc]) -> bool:
    """Warns where nothing sets the boundaries that `window_unit` asks for. Returns whether there was something to look at."""
    longer = [doc for doc in docs if len(doc) > 1]  # spaCy marks the first token of every document
    if longer and not any(doc.has_annotation("SENT_START") for doc in longer):
        logger.warning(
            'window_unit = "sentence", but no document has sentence boundaries: each one is a window. Add a component '
            'that sets them before this one ("sentencizer"), and for training name it in annotating_components.'
        )
    return bool(longer)


def _in_order(columns: list[np.ndarray]) -> Windows:
    table = np.concatenate(columns, axis=1)
    if len(columns) > 1:  # document order
        table = table[:, np.lexsort((table[3], table[0]))]
    return Windows(*table)


def _by_sentence(pieces: Sequence[Pieces], capacity: int, context: int, sentences: np.ndarray) -> Windows:
    counts = np.concatenate([p.counts for p in pieces]) if pieces else np.zeros(0, np.int32)
    ends = np.cumsum(counts, dtype=np.int64)
    starts = ends - counts
    token_bounds = np.cumsum([0, *(len(p.counts) for p in pieces)])
    piece_bounds = np.concatenate([[0], ends])[token_bounds]
    begins = np.append(sentences, False)
    begins[token_bounds] = True
    first = np.flatnonzero(begins[:-1])
    # A sentence of white space has no pieces: it joins the sentence before it, or the one after it where it is the first.
    solid = np.diff(np.append(starts[first], ends[-1:])) > 0
    first = first[solid]
    doc = np.searchsorted(token_bounds, first, side="right") - 1
    opens = np.concatenate([[True], doc[1:] != doc[:-1]])[: len(doc)]
    first = np.where(opens, token_bounds[doc], first)
    last = np.where(
        np.append(opens[1:], True)[: len(doc)], token_bounds[doc + 1], np.append(first[1:], 0)[: len(doc)]
    )
    core_first, core_last = starts[first], ends[last - 1]
    size = core_last - core_first
    # Context on either side; where both do not fit, each has half of the room, and what the other leaves.
    room = capacity - size
    left = np.minimum(max(context, 0), core_first - piece_bounds[doc])
    right = np.minimum(max(context, 0), piece_bounds[doc + 1] - core_last)
    left = np.minimum(left, np.maximum(room // 2, room - right))
    right = np.minimum(right, room - left)
    fits = np.flatnonzero(size <= capacity)
    # Whole tokens: the first that begins and the last that ends within the context.
    read_first = starts[np.searchsorted(starts, (core_first - left)[fits], side="left")]
    read_last = ends[np.searchsorted(ends, (core_last + right)[fits], side="right") - 1]
    own, tokens, base = doc[fits], token_bounds[doc], piece_bounds[doc]
    columns = [
        np.stack(
            [
                own,
                read_first - base[fits],
                read_last - base[fits],
                (first - tokens)[fits],
                (last - tokens)[fits],
            ]
        )
    ]
    for i in np.flatnonzero(size > capacity).tolist():
        d, begin, stop = int(doc[i]), int(first[i] - tokens[i]), int(last[i] - tokens[i])
        columns.append(_cut(d, pieces[d].counts, capacity, context, begin, stop))
    return _in_order(columns)


def _cut(doc: int, counts: np.ndarray, capacity: int, context: int, token: int, last: int) -> np.ndarray:
    """Windows of the tokens from `token` to before `last`, with context from the whole document."""
    context = max(0, min(context, (capacity - 1) // 3))
    ends = np.cumsum(counts, dtype=np.int64)
    starts = ends - counts
    n_pieces, end = int(ends[-1]), int(ends[last - 1])
    rows = []
    while token < last:
        begin = int(starts[token])
        left = min(context, begin)
        room = capacity - left
        # All that is left, or a core that leaves room for the context after it.
        reach = end if end - begin <= room - min(context, n_pieces - end) else begin + room - context
        # At least one token with pieces: white space that opens a document is no window by itself.
        stop = max(
            int(np.searchsorted(ends, reach, side="right")),
            int(np.searchsorted(ends, begin, side="right")) + 1,
        )
        while stop < last and counts[stop] == 0:  # trailing white space stays with the token before it
            stop += 1
        stop = min(stop, last)  # white space that opens the next sentence ends where this one does
        core_end = int(ends[stop - 1])
        # Context is whole tokens: the first at or after `begin - left`, and as many as fit behind.
        read_first = int(starts[np.searchsorted(starts, begin - left, side="left")])
        read_limit = max(core_end, min(n_pieces, core_end + context, read_first + capacity))
        read_last = int(ends[max(int(np.searchsorted(ends, read_limit, side="right")) - 1, stop - 1)])
        if read_last - read_first > capacity:  # one token with more pieces than its neighbours leave room for
            read_first, read_last = begin, min(read_last, begin + capacity)
        rows.append((doc, read_first, read_last, token, stop))
        token = stop
    return np.array(rows, dtype=np.int64).T
