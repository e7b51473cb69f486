"""Word pieces of documents that are seen again, kept as long as the documents live."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from spacy.attrs import ORTH, SPACY
from spacy.tokens import Doc
from spacy.training import Example

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
        self.n_pieces = 0
        self._kept: weakref.WeakKeyDictionary[Doc, Pieces] = weakref.WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._kept)

    def __reduce__(self) -> tuple[Any, ...]:
        # Weak references cannot be pickled, and the documents are not there where the pickle is read.
        return PieceCache, (self.tokenizer, self.max_pieces)

    def encode(self, keys: Sequence[Doc], docs: Sequence[Doc]) -> list[Pieces]:
        """The pieces of `docs`, kept under `keys` (the references, which outlive their predicted copies).

        A key must have the same tokens as its doc.
        """
        made: list[Pieces | None] = [self._kept.get(key) for key in keys]
        new = [i for i, kept in enumerate(made) if kept is None or len(kept.counts) != len(docs[i])]
        if new:
            for i, pieces in zip(new, self.tokenizer.encode([docs[i] for i in new]), strict=True):
                made[i] = pieces
                if self.n_pieces + len(pieces.ids) <= self.max_pieces:
                    self._kept[keys[i]] = pieces
                    self.n_pieces += len(pieces.ids)
                    weakref.finalize(keys[i], _forget, weakref.ref(self), len(pieces.ids)).atexit = False
        return made  # type: ignore[return-value]

    def count(self, examples: Sequence[Example]) -> np.ndarray:
        """(examples,) int64 pieces, for batches of like length. What is counted is kept for the step that follows."""
        docs = [eg.predicted for eg in examples]
        return np.array(
            [len(p.ids) for p in self.encode([key_of(eg) for eg in examples], docs)], dtype=np.int64
        )


def _forget(cache: weakref.ref[PieceCache], n_pieces: int) -> None:
    """Called when a document is gone; it does not keep the cache alive."""
    kept = cache()
    if kept is not None:
        kept.n_pieces -= n_pieces


def key_of(eg: Example) -> Doc:
    """Under which document an example's pieces are kept: the reference, which outlives its predicted copies, where
    it has the same tokens."""
    x, y = eg.predicted, eg.reference
    same = len(x) == len(y) and bool((x.to_array(_WORDS) == y.to_array(_WORDS)).all())
    return y if same else x
