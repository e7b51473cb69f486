"""Word pieces of documents that are seen again, kept as long as the documents live."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from spacy.attrs import ORTH, SPACY
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.locks import PipelineLock

if TYPE_CHECKING:
    from cloudner.pieces.tokenizer import Pieces, PieceTokenizer


_WORDS = [ORTH, SPACY]  # words and the spaces after them: with them the text


class PieceCache:
    """Weak by document, bounded in pieces: what does not fit is computed anew each time.

    max_pieces: pieces kept in all; 4 bytes each, plus about 200 bytes per document.
    """

    def __init__(self, tokenizer: PieceTokenizer, max_pieces: int = 50_000_000) -> None:
        self.tokenizer = tokenizer
        self.max_pieces = max_pieces
        self._kept: weakref.WeakKeyDictionary[Doc, Pieces] = weakref.WeakKeyDictionary()
        self._lock = PipelineLock()
        self._n_pieces = 0
        # Sizes of documents that are gone. A document may go at any instruction of any thread, the one that counts
        # included: it leaves its size here, and whoever counts next takes it off.
        self._gone: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def __reduce__(self) -> tuple[Any, ...]:
        # Weak references cannot be pickled, and the documents are not there where the pickle is read.
        return PieceCache, (self.tokenizer, self.max_pieces)

    @property
    def n_pieces(self) -> int:
        """Pieces kept now."""
        with self._lock:
            while self._gone:
                self._n_pieces -= self._gone.popleft()
            return self._n_pieces

    def encode(self, keys: Sequence[Doc], docs: Sequence[Doc]) -> list[Pieces]:
        """The pieces of `docs`, kept under `keys` (the references, which outlive their predicted copies).

        A key must have the same tokens as its doc.
        """
        made: list[Pieces | None] = [self._kept.get(key) for key in keys]
        new = [i for i, kept in enumerate(made) if kept is None or len(kept.counts) != len(docs[i])]
        for i, pieces in zip(new, self.tokenizer.encode([docs[i] for i in new]) if new else (), strict=True):
            made[i] = pieces
            self._keep(keys[i], pieces)
        return made  # type: ignore[return-value]

    def _keep(self, key: Doc, pieces: Pieces) -> None:
        size = len(pieces.ids)
        with self._lock:
            if self.n_pieces + size <= self.max_pieces:
                self._kept[key] = pieces
                self._n_pieces += size
                weakref.finalize(key, self._gone.append, size).atexit = False

    def count(self, examples: Sequence[Example]) -> np.ndarray:
        """(examples,) int64 pieces, for batches of like length. What is counted is kept for the step that follows."""
        docs = [eg.predicted for eg in examples]
        return np.array(
            [len(p.ids) for p in self.encode([key_of(eg) for eg in examples], docs)], dtype=np.int64
        )


def key_of(eg: Example) -> Doc:
    """Under which document an example's pieces are kept: the reference, which outlives its predicted copies, where
    it has the same tokens."""
    x, y = eg.predicted, eg.reference
    same = len(x) == len(y) and bool((x.to_array(_WORDS) == y.to_array(_WORDS)).all())
    return y if same else x
